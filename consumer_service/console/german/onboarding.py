"""What only a consumer says: the registration link, the wizard, the start page."""

from typing import Final

ONBOARDING: Final = {
    "Registration link": "Registrierungslink",
    "Connect to a provider": "Mit einem Anbieter verbinden",
    "A provider has sent you a registration link. Opening it has not changed anything yet.": (
        "Ein Anbieter hat Ihnen einen Registrierungslink geschickt. Das Öffnen hat noch nichts verändert."
    ),
    "Paste the whole link from the mail, or only what follows #token=.": (
        "Fügen Sie den ganzen Link aus der E-Mail ein oder nur den Teil nach #token=."
    ),
    "Continue": "Weiter",
    "What happens next": "Wie es weitergeht",
    "As an administrator of this instance.": "Als Administrator dieser Instanz.",
    "Confirm the provider": "Anbieter bestätigen",
    "You see which provider the link is from.": "Sie sehen, von welchem Anbieter der Link stammt.",
    "Connect": "Verbinden",
    "Only then does this instance contact the provider.": "Erst dann wendet sich diese Instanz an den Anbieter.",
    "The link stays with this browser for one hour. It is never part of an address that is sent, and looking at this "
    "page does not use it up.": (
        "Der Link bleibt eine Stunde lang in diesem Browser. Er ist nie Teil einer gesendeten Adresse, und das Ansehen "
        "dieser Seite verbraucht ihn nicht."
    ),
    "This link cannot be used": "Dieser Link ist nicht verwendbar",
    "Nothing was sent, and nothing was changed.": "Nichts wurde gesendet und nichts verändert.",
    "Create the consumer record": "Abnehmer-Datensatz anlegen",
    "Open another link": "Anderen Link öffnen",
    "Is {host} your provider?": "Ist {host} Ihr Anbieter?",
    "This is what the link says. Nothing has been sent yet; continue only if you expect it.": (
        "Das steht im Link. Noch wurde nichts gesendet; fahren Sie nur fort, wenn Sie ihn erwartet haben."
    ),
    "The invitation": "Die Einladung",
    "Registration": "Registrierung",
    "Valid until": "Gültig bis",
    "For this instance": "Für diese Instanz",
    "Provider's key": "Schlüssel des Anbieters",
    "What the provider will learn": "Was der Anbieter erfährt",
    "And": "Und",
    "the id and type of this instance, its public keys, the version of its software": (
        "Kennung und Art dieser Instanz, ihre öffentlichen Schlüssel, die Version ihrer Software"
    ),
    "No records, users or passwords are shared by connecting.": (
        "Datensätze, Benutzer oder Passwörter werden durch das Verbinden nicht weitergegeben."
    ),
    "The link is checked": "Der Link wird geprüft",
    "This instance asks {host} for its signed description.": (
        "Diese Instanz fragt {host} nach seiner signierten Beschreibung."
    ),
    "Both sides are checked": "Beide Seiten werden geprüft",
    "Address, certificate, keys and clock.": "Adresse, Zertifikat, Schlüssel und Uhr.",
    "You choose Connect to Provider": "Sie wählen „Mit Anbieter verbinden“",
    "The contact named in the registration signs in there and allows the connection.": (
        "Der in der Registrierung genannte Ansprechpartner meldet sich dort an und erlaubt die Verbindung."
    ),
    "How does the provider reach this instance?": "Wie erreicht der Anbieter diese Instanz?",
    "It can reach this instance at {address}": "Er erreicht diese Instanz unter {address}",
    "The usual choice: messages arrive at once.": "Der Normalfall: Nachrichten kommen sofort an.",
    "It cannot reach this instance": "Er erreicht diese Instanz nicht",
    "For an instance behind a firewall: it fetches its messages, and you confirm a comparison code.": (
        "Für eine Instanz hinter einer Firewall: Sie holt ihre Nachrichten ab, und Sie bestätigen einen Vergleichscode."
    ),
    "Continue with {host}": "Weiter mit {host}",
    "Cancel onboarding": "Anbindung abbrechen",
    "End the onboarding with {name}?": "Die Anbindung an {name} beenden?",
    "The link becomes worthless, {host} is told, and nothing is left behind. To connect later, the "
    "provider sends a new "
    "link.": (
        "Der Link wird wertlos, {host} erfährt davon, und nichts bleibt zurück. Um sich später zu verbinden, "
        "schickt der "
        "Anbieter einen neuen Link."
    ),
    "The provider sees it.": "Der Anbieter sieht ihn.",
    "Go on with the onboarding": "Mit der Anbindung fortfahren",
    "Provider connections": "Anbindungen",
    "Every provider this instance has been invited by, and how far onboarding is.": (
        "Alle Anbieter, die diese Instanz eingeladen haben, und wie weit die Anbindung ist."
    ),
    "Open a registration link": "Registrierungslink öffnen",
    "Begun": "Begonnen",
    "By": "Von",
    "No provider yet": "Noch kein Anbieter",
    "A provider registers this instance and sends a link to the contact it knows. Open that link here.": (
        "Ein Anbieter registriert diese Instanz und schickt dem ihm bekannten Ansprechpartner einen Link. "
        "Öffnen Sie diesen Link hier."
    ),
    "Validation failed": "Prüfung fehlgeschlagen",
    "Connecting is possible as soon as everything below is resolved; it is looked at again by itself.": (
        "Verbinden ist möglich, sobald alles Folgende behoben ist; es wird von selbst erneut geprüft."
    ),
    "Open the Health Dashboard": "Zustandsübersicht öffnen",
    "Contact": "Ansprechpartner",
    "Company": "Firma",
    "This instance fetches its messages": "Diese Instanz holt ihre Nachrichten ab",
    "The provider calls this instance": "Der Anbieter ruft diese Instanz auf",
    "Link valid until": "Link gültig bis",
    "Onboarding": "Anbindung",
    "Steps of the onboarding": "Schritte der Anbindung",
    "Confirm the comparison code": "Vergleichscode bestätigen",
    "The provider cannot call this instance, so you confirm what its page shows.": (
        "Der Anbieter kann diese Instanz nicht aufrufen, deshalb bestätigen Sie, was seine Seite zeigt."
    ),
    "Code shown by the provider": "Vom Anbieter gezeigter Code",
    "Type the eight characters you read on the provider's page; {count} tries are left.": (
        "Geben Sie die acht Zeichen von der Seite des Anbieters ein; es bleiben {count} Versuche."
    ),
    "Confirm code": "Code bestätigen",
    "What to do now": "Was jetzt zu tun ist",
    "Nothing. Both sides are being checked; this takes a few seconds.": (
        "Nichts. Beide Seiten werden geprüft; das dauert einige Sekunden."
    ),
    "Resolve these findings.": "Beheben Sie diese Befunde.",
    "Nothing. {name} and this instance are connected since {date}.": (
        "Nichts. {name} und diese Instanz sind seit {date} verbunden."
    ),
    "Open the connection": "Verbindung öffnen",
    "This onboarding has ended.": "Diese Anbindung ist beendet.",
    "Reason:": "Grund:",
    "To try again, ask the provider for a new link and open it.": (
        "Für einen neuen Versuch bitten Sie den Anbieter um einen neuen Link und öffnen ihn."
    ),
    "{contact} signs in at {host} and allows the connection, in this browser.": (
        "{contact} meldet sich in diesem Browser bei {host} an und erlaubt die Verbindung."
    ),
    "The contact": "Der Ansprechpartner",
    "Go on only if the provider's page shows the same code.": (
        "Fahren Sie nur fort, wenn die Seite des Anbieters denselben Code zeigt."
    ),
    "Another administrator began this attempt": "Ein anderer Administrator hat diesen Versuch begonnen",
    "Let that person go on, or connect again yourself.": (
        "Lassen Sie diese Person fortfahren oder verbinden Sie selbst erneut."
    ),
    "Confirm the comparison code below.": "Bestätigen Sie unten den Vergleichscode.",
    "Nothing. The connection is being opened.": "Nichts. Die Verbindung wird geöffnet.",
    "Everything is checked. Connecting introduces this instance to {host}; then the contact signs in there.": (
        "Alles ist geprüft. Verbinden stellt diese Instanz bei {host} vor; danach meldet sich der "
        "Ansprechpartner dort an."
    ),
    "Nothing. Both sides are agreeing on their settings.": "Nichts. Beide Seiten gleichen ihre Einstellungen ab.",
    "Go to provider": "Zum Anbieter",
    "Connect again": "Erneut verbinden",
    "Connect to Provider": "Mit Anbieter verbinden",
    "Check again": "Erneut prüfen",
    "An administrator goes on from here.": "Ein Administrator macht hier weiter.",
    "Overview": "Übersicht",
    "What to do next, and how the connections do.": "Was als Nächstes zu tun ist und wie es den Verbindungen geht.",
    "Nothing is open to you here yet": "Hier steht Ihnen noch nichts offen",
    "Your account has no role on this instance. An administrator can give you one.": (
        "Ihr Konto hat auf dieser Instanz keine Rolle. Ein Administrator kann Ihnen eine geben."
    ),
    "The link was put aside. Nothing was sent.": "Der Link wurde verworfen. Nichts wurde gesendet.",
    "The comparison code is confirmed.": "Der Vergleichscode ist bestätigt.",
    "All checks run again now.": "Alle Prüfungen laufen jetzt erneut.",
    "Onboarding is cancelled. The provider will be told.": (
        "Die Anbindung ist abgebrochen. Der Anbieter wird informiert."
    ),
    "Invitation accepted": "Einladung angenommen",
    "You confirmed {host} as your provider.": "Sie haben {host} als Ihren Anbieter bestätigt.",
    "Both sides checked": "Beide Seiten geprüft",
    "Address, certificate, clock and keys of {host}, and our own readiness.": (
        "Adresse, Zertifikat, Uhr und Schlüssel von {host} und unsere eigene Bereitschaft."
    ),
    "Something has to be resolved first.": "Zuerst muss etwas behoben werden.",
    "Introduced to the provider": "Beim Anbieter vorgestellt",
    "{host} learns our name, address and public keys.": (
        "{host} erfährt unseren Namen, unsere Adresse und öffentlichen Schlüssel."
    ),
    "Begins with Connect to Provider.": "Beginnt mit „Mit Anbieter verbinden“.",
    "Allowed by the contact": "Vom Ansprechpartner erlaubt",
    "{contact} signs in at {host} and allows the connection.": (
        "{contact} meldet sich bei {host} an und erlaubt die Verbindung."
    ),
    "Connection opened": "Verbindung geöffnet",
    "Both sides have exchanged and pinned their keys.": "Beide Seiten haben ihre Schlüssel getauscht und festgelegt.",
    "Settings agreed": "Einstellungen abgeglichen",
    "Each side has acknowledged the other's settings.": "Jede Seite hat die Einstellungen der anderen bestätigt.",
    "Nothing to do: it goes on by itself.": "Nichts zu tun: Es geht von selbst weiter.",
    "{count} findings keep it from going on.": "{count} Befunde halten sie auf.",
    "{contact} has to sign in at {host}.": "{contact} muss sich bei {host} anmelden.",
    "Everything is checked; it can be connected.": "Alles ist geprüft; es kann verbunden werden.",
    "Onboarding with {name} is under way": "Die Anbindung an {name} läuft",
    "Watch": "Ansehen",
    "Onboarding with {name} is stuck": "Die Anbindung an {name} stockt",
    "Look at the findings": "Befunde ansehen",
    "{name} waits for its contact": "{name} wartet auf den Ansprechpartner",
    "Go on": "Weiter",
    "{name} is ready": "{name} ist bereit",
    "Say who this instance is": "Sagen Sie, wer diese Instanz ist",
    "Its name and type are stated once, before it connects to anybody.": (
        "Name und Art werden einmal festgelegt, bevor sie sich mit jemandem verbindet."
    ),
    "Issues of this onboarding": "Befunde dieser Anbindung",
    "What keeps it from going on, at the provider and in this instance.": (
        "Was sie aufhält, beim Anbieter und in dieser Instanz."
    ),
    "Awaiting Validation": "Wartet auf Prüfung",
    "Validation Failed": "Prüfung fehlgeschlagen",
    "Validated": "Geprüft",
    "Onboarded": "Angebunden",
    "Cancelled": "Abgebrochen",
}
