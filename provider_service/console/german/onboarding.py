"""Registrations, consent, and what leads there."""

GERMAN = {
    "A registration belongs to a company and one of its contacts.": (
        "Eine Registrierung gehört zu einer Firma und einem ihrer Kontakte."
    ),
    "A registration invites a company's contact to connect their instance with this one.": (
        "Eine Registrierung lädt den Kontakt einer Firma ein, seine Instanz mit dieser zu verbinden."
    ),
    "A new link was issued. Earlier ones no longer work.": "Ein neuer Link ist ausgestellt. Frühere gelten nicht mehr.",
    "Add a comment or work note": "Kommentar oder Arbeitsnotiz hinzufügen",
    "Address of the consumer's instance, like https://desk.customer.example.": (
        "Adresse der Instanz des Abnehmers, wie https://desk.customer.example."
    ),
    "Allow a connection": "Eine Verbindung erlauben",
    "Allow {consumer} to connect?": "Darf {consumer} sich verbinden?",
    "Announcement": "Ankündigung",
    "Another contact or address voids the link; the checks run again and a new one is made.": (
        "Ein anderer Kontakt oder eine andere Adresse macht den Link ungültig; es wird neu geprüft und ein "
        "neuer gemacht."
    ),
    "Another person is expected": "Eine andere Person wird erwartet",
    "Both sides have exchanged and pinned their keys.": "Beide Seiten haben ihre Schlüssel getauscht und festgehalten.",
    "Cancel registration": "Registrierung abbrechen",
    "Cancel the registration of {company}": "Die Registrierung von {company} abbrechen",
    "Cancel {number}": "{number} abbrechen",
    "Checks asked for": "Prüfung verlangt",
    "Checks failed": "Prüfung fehlgeschlagen",
    "Choose a company.": "Wählen Sie eine Firma.",
    "Choose one of the company's contacts.": "Wählen Sie einen Kontakt der Firma.",
    "Comment added": "Kommentar hinzugefügt",
    "Comments and work notes": "Kommentare und Arbeitsnotizen",
    "Connection opened": "Verbindung eröffnet",
    "Consent": "Zustimmung",
    "Consumer URL": "URL des Abnehmers",
    "Consumer announced itself": "Abnehmer hat sich angekündigt",
    "Consumers connected with {name}, and those on their way.": (
        "Abnehmer, die mit {name} verbunden sind, und solche auf dem Weg."
    ),
    "Contact allowed the connection": "Kontakt hat die Verbindung erlaubt",
    "Contact refused the connection": "Kontakt hat die Verbindung abgelehnt",
    "Copy link": "Link kopieren",
    "Create provider record": "Anbieterdatensatz anlegen",
    "E-mail sending is off: copy the link and hand it to the contact.": (
        "Es wird keine E-Mail gesendet: Kopieren Sie den Link und geben Sie ihn dem Kontakt."
    ),
    "Each side has acknowledged the other's settings.": "Jede Seite hat die Einstellungen der anderen bestätigt.",
    "Edit {number}": "{number} bearbeiten",
    "Either side can pause or end the connection at any time. Passwords and private keys are never shared.": (
        "Jede Seite kann die Verbindung jederzeit anhalten oder beenden. Passwörter und private Schlüssel "
        "werden nie geteilt."
    ),
    "Enter a company and its contact": "Firma und Kontakt eintragen",
    "Enter a number of hours from 1 to 720.": "Geben Sie eine Stundenzahl von 1 bis 720 ein.",
    "Enter at most 40 characters.": "Geben Sie höchstens 40 Zeichen ein.",
    "Enter the address of the consumer's instance, like https://desk.customer.example.": (
        "Geben Sie die Adresse der Instanz des Abnehmers ein, wie https://desk.customer.example."
    ),
    "For instance production or test; tells several instances of one company apart.": (
        "Zum Beispiel Produktion oder Test; unterscheidet mehrere Instanzen einer Firma."
    ),
    "Hand it to {contact} on a way you trust. It opens on {host} and on no other address.": (
        "Geben Sie ihn {contact} auf sicherem Weg. Er öffnet sich auf {host} und an keiner anderen Adresse."
    ),
    "Hours the link works": "Gültigkeit des Links in Stunden",
    "Incidents that either side hands to the other, with their comments.": (
        "Störungen, die eine Seite der anderen übergibt, mit ihren Kommentaren."
    ),
    "Invitation": "Einladung",
    "Keep it": "Behalten",
    "Link copied": "Link kopiert",
    "Link issued": "Link ausgestellt",
    "Link of {number}": "Link von {number}",
    "Link revoked": "Link widerrufen",
    "Mail sent again": "E-Mail erneut gesendet",
    "Mail to": "E-Mail an",
    "Name, kind and sender address; the keys are made with it.": (
        "Name, Art und Absender; die Schlüssel entstehen damit."
    ),
    "Names, addresses and public keys of both instances, and whether they are reachable.": (
        "Namen, Adressen und öffentliche Schlüssel beider Instanzen, und ob sie erreichbar sind."
    ),
    "New registration": "Neue Registrierung",
    "No registrations here": "Keine Registrierungen hier",
    "Not sent": "Nicht gesendet",
    "Not sent yet, tried again": "Noch nicht gesendet, wird wiederholt",
    "Nothing to do here at the moment": "Hier ist im Moment nichts zu tun",
    "One task for every consumer instance that is to be connected.": (
        "Eine Aufgabe für jede Instanz eines Abnehmers, die verbunden werden soll."
    ),
    "Only staff see it.": "Nur Mitarbeiter sehen sie.",
    "Only the contact named in the registration may allow this connection. Sign in as that person, or ask the provider "
    "to name you as the contact.": (
        "Nur der Kontakt der Registrierung darf diese Verbindung erlauben. Melden Sie sich als diese Person an, oder "
        "bitten Sie den Anbieter, Sie als Kontakt zu nennen."
    ),
    "Open a registration": "Eine Registrierung eröffnen",
    "Open registrations": "Offene Registrierungen",
    "Open the Health Dashboard": "Zustandsübersicht öffnen",
    "Open the connection": "Verbindung öffnen",
    "Pre-onboarding checks": "Vorprüfung",
    "Pre-onboarding checks failed": "Die Vorprüfung ist fehlgeschlagen",
    "Re-issue link": "Link neu ausstellen",
    "Receives the link, and allows the connection.": "Erhält den Link und erlaubt die Verbindung.",
    "Resend mail": "E-Mail erneut senden",
    "Revoke link": "Link widerrufen",
    "Say once who this instance is. Its address is {issuer}; its keys are made with the record.": (
        "Sagen Sie einmal, wer diese Instanz ist. Ihre Adresse ist {issuer}; ihre Schlüssel entstehen mit "
        "dem Datensatz."
    ),
    "Settings agreed": "Einstellungen vereinbart",
    "Shown now only; that you looked at it is in the audit trail.": (
        "Wird nur jetzt gezeigt; dass Sie ihn angesehen haben, steht im Protokoll."
    ),
    "Something has to be resolved first.": "Erst muss etwas behoben werden.",
    "Start again": "Neu beginnen",
    "State who this instance is": "Sagen, wer diese Instanz ist",
    "Switch user": "Benutzer wechseln",
    "The checks run again now.": "Die Prüfung läuft jetzt erneut.",
    "The consumer can begin again with the same link.": "Der Abnehmer kann mit demselben Link neu beginnen.",
    "The consumer sees it.": "Der Abnehmer sieht ihn.",
    "The consumer's console and the contact's consent page show the same code; compare it by telephone if in doubt.": (
        "Konsole des Abnehmers und Zustimmungsseite zeigen denselben Code; im Zweifel vergleichen Sie ihn am Telefon."
    ),
    "The consumer's console must show exactly this code. If it shows another one, deny: somebody stands in between.": (
        "Die Konsole des Abnehmers muss genau diesen Code zeigen. Zeigt sie einen anderen, lehnen Sie ab: "
        "Jemand steht dazwischen."
    ),
    "The contact allows the connection on behalf of the company.": (
        "Der Kontakt erlaubt die Verbindung im Namen der Firma."
    ),
    "The contact may see it.": "Der Kontakt darf ihn sehen.",
    "The contact receives a link and opens it on the consumer's instance.": (
        "Der Kontakt erhält einen Link und öffnet ihn auf der Instanz des Abnehmers."
    ),
    "The contact receives a link, opens it on the consumer's instance, and allows the connection here.": (
        "Der Kontakt erhält einen Link, öffnet ihn auf der Instanz des Abnehmers und erlaubt die Verbindung hier."
    ),
    "The link is made when every check has passed.": "Der Link entsteht, wenn jede Prüfung bestanden ist.",
    "The link is with {contact}, who opens it on {host}.": "Der Link ist bei {contact}, der ihn auf {host} öffnet.",
    "The link stops working, and a consumer that has announced itself is told. The task can be started "
    "again as a copy.": (
        "Der Link gilt nicht mehr, und ein Abnehmer, der sich angekündigt hat, erfährt es. Die Aufgabe lässt sich als "
        "Kopie neu beginnen."
    ),
    "The link was revoked.": "Der Link wurde widerrufen.",
    "The mail is on its way again.": "Die E-Mail ist wieder unterwegs.",
    "The registration was cancelled.": "Die Registrierung wurde abgebrochen.",
    "The registration was saved.": "Die Registrierung wurde gespeichert.",
    "There is no company yet": "Es gibt noch keine Firma",
    "This instance, the company, the contact and the keys are checked.": (
        "Diese Instanz, die Firma, der Kontakt und die Schlüssel werden geprüft."
    ),
    "This registration was closed": "Diese Registrierung wurde geschlossen",
    "Type the eight characters your own console shows. This instance cannot call yours, so the code proves that it is "
    "yours.": (
        "Tippen Sie die acht Zeichen, die Ihre eigene Konsole zeigt. Diese Instanz kann Ihre nicht anrufen; der Code "
        "beweist, dass sie Ihre ist."
    ),
    "Waiting to be sent": "Wartet auf den Versand",
    "What to do next": "Was als Nächstes zu tun ist",
    "What will be shared": "Was geteilt wird",
    "When your own console connects to this provider, it sends you here to allow it. Begin there with Connect to "
    "Provider.": (
        "Wenn Ihre eigene Konsole sich mit diesem Anbieter verbindet, schickt sie Sie hierher, um es zu erlauben. "
        "Beginnen Sie dort mit „Mit Anbieter verbinden“."
    ),
    "Work note added": "Arbeitsnotiz hinzugefügt",
    "Write something, up to 8000 characters.": "Schreiben Sie etwas, höchstens 8000 Zeichen.",
    "One issue keeps this registration from going on. It goes on by itself when it is resolved.": (
        "Ein Befund hält diese Registrierung auf. Sie geht von selbst weiter, wenn er behoben ist."
    ),
    "You decide for {company}.": "Sie entscheiden für {company}.",
    "Your name, as the one who allowed it.": "Ihr Name, als der Person, die es erlaubt hat.",
    "{company} has no contact who could act": "{company} hat keinen Kontakt, der handeln könnte",
    "{contact} signs in here, compares the code and allows the connection.": (
        "{contact} meldet sich hier an, vergleicht den Code und erlaubt die Verbindung."
    ),
    "{count} issues keep this registration from going on. It goes on by itself when they are resolved.": (
        "{count} Befunde halten diese Registrierung auf. Sie geht von selbst weiter, wenn sie behoben sind."
    ),
    "{host} introduces itself; its address, clock and identity are checked.": (
        "{host} stellt sich vor; Adresse, Uhr und Identität werden geprüft."
    ),
    "{host} is connected": "{host} ist verbunden",
    "{number} was copied into this task.": "{number} wurde in diese Aufgabe kopiert.",
    "Records": "Datensätze",
    "Instances": "Instanzen",
    "You": "Sie",
    "Open for the consumer": "Offen für den Abnehmer",
    "Consumer's keys pinned": "Schlüssel des Abnehmers festgehalten",
    "Connection active": "Verbindung aktiv",
    "Connection paused": "Verbindung angehalten",
    "Connection resumed": "Verbindung fortgesetzt",
    "Connection suspended": "Verbindung ausgesetzt",
    "Connection ended": "Verbindung beendet",
    "Consumer's settings received": "Einstellungen des Abnehmers erhalten",
    "Consumer acknowledged our settings": "Abnehmer hat unsere Einstellungen bestätigt",
    "Consumer refused our settings": "Abnehmer hat unsere Einstellungen abgelehnt",
    "Consumer's new keys pinned": "Neue Schlüssel des Abnehmers festgehalten",
    "Connection re-keyed": "Verbindung mit neuen Schlüsseln",
    "Consumer was restored from a backup": "Abnehmer wurde aus einer Sicherung wiederhergestellt",
}
