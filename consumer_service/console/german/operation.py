"""The record, health, keys and connections."""

from typing import Final

OPERATION: Final = {
    "Connections": "Verbindungen",
    "Connection": "Verbindung",
    "Sending": "Senden",
    "Receiving": "Empfangen",
    "Address": "Adresse",
    "Reason": "Grund",
    "Details": "Einzelheiten",
    "Delivery": "Zustellung",
    "Created": "Angelegt",
    "Changed": "Geändert",
    "Operation": "Betrieb",
    "Settings": "Einstellungen",
    "Providers this instance exchanges records with.": "Anbieter, mit denen diese Instanz Datensätze austauscht.",
    "Standing": "Bestehend",
    "Closed": "Geschlossen",
    "Connecting": "Wird verbunden",
    "Paused": "Angehalten",
    "Suspended": "Ausgesetzt",
    "Unknown": "Unbekannt",
    "All": "Alle",
    "Which connections": "Welche Verbindungen",
    "No connections here": "Hier sind keine Verbindungen",
    "A connection comes of a registration link that was opened here.": (
        "Eine Verbindung entsteht aus einem Registrierungslink, der hier geöffnet wurde."
    ),
    "The last exchange failed": "Der letzte Austausch ist misslungen",
    "Round trip": "Umlaufzeit",
    "{count} held, {quarantined} set aside": "{count} zurückgehalten, {quarantined} beiseitegelegt",
    "Sent in 24 h": "Gesendet in 24 Std.",
    "Received in 24 h": "Empfangen in 24 Std.",
    "Heartbeat, 24 h": "Herzschlag, 24 Std.",
    "Answered {share}": "Beantwortet {share}",
    "Disconnect {name}": "{name} trennen",
    "Messages stop in both directions for good; the peer is told, nothing is deleted. To connect again "
    "takes a new link "
    "from the provider.": (
        "Nachrichten enden endgültig in beiden Richtungen; die Gegenseite erfährt davon, nichts wird gelöscht. Um sich "
        "wieder zu verbinden, braucht es einen neuen Link des Anbieters."
    ),
    "Disconnect": "Trennen",
    "Heartbeat now": "Herzschlag jetzt",
    "Pause": "Anhalten",
    "Resume": "Fortsetzen",
    "This connection has ended": "Diese Verbindung ist beendet",
    "Peer": "Gegenseite",
    "Kind": "Art",
    "Production": "Produktion",
    "Test or development": "Test oder Entwicklung",
    "Environment": "Umgebung",
    "Software": "Software",
    "Instance id": "Kennung der Instanz",
    "Epoch": "Epoche",
    "Clock difference": "Abstand der Uhren",
    "Trust": "Vertrauen",
    "Identity of the peer": "Identität der Gegenseite",
    "Key set": "Schlüsselsatz",
    "Number {number}": "Nummer {number}",
    "Key set works until": "Schlüsselsatz gültig bis",
    "Settings acknowledged": "Einstellungen bestätigt",
    "Yes": "Ja",
    "Not yet": "Noch nicht",
    "Opened": "Geöffnet",
    "Active since": "Aktiv seit",
    "Last exchange": "Letzter Austausch",
    "Last contact": "Letzter Kontakt",
    "Next try": "Nächster Versuch",
    "The peer answered after {count} ms.": "Die Gegenseite hat nach {count} ms geantwortet.",
    "The peer did not answer: {problem}": "Die Gegenseite hat nicht geantwortet: {problem}",
    "The connection is paused. Messages wait.": "Die Verbindung ist angehalten. Nachrichten warten.",
    "The connection goes on.": "Die Verbindung geht weiter.",
    "The connection has ended; the peer is told.": "Die Verbindung ist beendet; die Gegenseite erfährt davon.",
    "Edit consumer record": "Abnehmer-Datensatz ändern",
    "Create consumer record": "Abnehmer-Datensatz anlegen",
    "Consumer record": "Abnehmer-Datensatz",
    "Say once who this instance is. Its address is {issuer}; its keys are made with the record.": (
        "Sagen Sie einmal, wer diese Instanz ist. Ihre Adresse ist {issuer}; ihre Schlüssel entstehen mit "
        "dem Datensatz."
    ),
    "Letters, digits and dashes; providers see it.": "Buchstaben, Ziffern und Bindestriche; Anbieter sehen ihn.",
    "E-mail goes out, and people need a real mail address.": (
        "E-Mails werden gesendet, und Personen brauchen eine echte Adresse."
    ),
    "E-mail goes out only if you switch it on.": "E-Mails werden nur gesendet, wenn Sie es einschalten.",
    "Sender address": "Absenderadresse",
    "Mails of this instance come from it.": "E-Mails dieser Instanz kommen von ihr.",
    "Support contact": "Ansprechstelle",
    "Whom people turn to: an e-mail address, a telephone number or a page.": (
        "An wen man sich wendet: eine E-Mail-Adresse, eine Telefonnummer oder eine Seite."
    ),
    "Send e-mail": "E-Mails senden",
    "Although this is no production instance.": "Obwohl dies keine Produktionsinstanz ist.",
    "Who this instance is to the providers it is connected with.": (
        "Wer diese Instanz für die Anbieter ist, mit denen sie verbunden ist."
    ),
    "Edit": "Ändern",
    "This instance is muted": "Diese Instanz ist stummgeschaltet",
    "Its database and its data directory do not agree: the database was copied or restored. Nothing is "
    "sent or answered "
    "until you say which.": (
        "Datenbank und Datenverzeichnis passen nicht zusammen: Die Datenbank wurde kopiert oder zurückgespielt. Nichts "
        "wird gesendet oder beantwortet, bis Sie sagen, was davon."
    ),
    "It is a copy": "Es ist eine Kopie",
    "This instance gets an id and keys of its own; the original goes on as it is.": (
        "Diese Instanz erhält eine eigene Kennung und eigene Schlüssel; das Original bleibt, wie es ist."
    ),
    "Declare a copy": "Als Kopie erklären",
    "It was restored": "Sie wurde zurückgespielt",
    "It is the same instance in a new epoch. The original must no longer run.": (
        "Es ist dieselbe Instanz in einer neuen Epoche. Das Original darf nicht mehr laufen."
    ),
    "Declare a restore": "Als zurückgespielt erklären",
    "E-mail": "E-Mail",
    "Is sent": "Wird gesendet",
    "Is not sent": "Wird nicht gesendet",
    "Test mail": "Test-E-Mail",
    "To": "An",
    "Empty: to yourself.": "Leer: an Sie selbst.",
    "Send test mail": "Test-E-Mail senden",
    "A test mail to {address} is queued.": "Eine Test-E-Mail an {address} ist eingereiht.",
    "Use 1 to 64 letters, digits and dashes.": "Verwenden Sie 1 bis 64 Buchstaben, Ziffern und Bindestriche.",
    "Choose what this instance is for.": "Wählen Sie, wofür diese Instanz ist.",
    "Enter an e-mail address like exchange@example.com, or nothing.": (
        "Geben Sie eine E-Mail-Adresse wie exchange@example.com ein oder nichts."
    ),
    "Enter one line of at most 200 characters.": "Geben Sie eine Zeile mit höchstens 200 Zeichen ein.",
    "The consumer record was created, and its keys with it.": (
        "Der Abnehmer-Datensatz wurde angelegt und mit ihm die Schlüssel."
    ),
    "The consumer record was saved.": "Der Abnehmer-Datensatz wurde gespeichert.",
    "It is written down, and this instance goes on.": "Es ist vermerkt, und diese Instanz geht weiter.",
    "Health Dashboard": "Zustandsübersicht",
    "Muted": "Stumm",
    "Resolved": "Behoben",
    "Open": "Offen",
    "found {count} times, last": "{count}-mal gefunden, zuletzt",
    "with {name}": "bei {name}",
    "Validate & resolve": "Prüfen und beheben",
    "Give back": "Zurückgeben",
    "Assign to me": "Mir zuweisen",
    "Mute": "Stummschalten",
    "Show again": "Wieder zeigen",
    "Key diagnostics": "Schlüsseldiagnose",
    "This instance": "Diese Instanz",
    "What was found": "Befund",
    "Why it is muted": "Warum stumm",
    "Check": "Prüfung",
    "First found": "Zuerst gefunden",
    "Last found": "Zuletzt gefunden",
    "Times found": "Wie oft gefunden",
    "A muted issue is hidden, with your reason. An error blocks all the same.": (
        "Ein stummer Befund ist verborgen, mit Ihrem Grund. Ein Fehler hält trotzdem auf."
    ),
    "Validate all": "Alles prüfen",
    "Checks run by themselves; an issue resolves by itself when its check finds nothing any more.": (
        "Prüfungen laufen von selbst; ein Befund erledigt sich, wenn seine Prüfung nichts mehr findet."
    ),
    "Which issues": "Welche Befunde",
    "Severity": "Schwere",
    "Assigned to me": "Mir zugewiesen",
    "Nothing to see to": "Nichts zu tun",
    "No issue fits what you are looking for.": "Kein Befund passt zu Ihrer Suche.",
    "Every check that has run found nothing.": "Keine Prüfung hat etwas gefunden.",
    "The checks have run; nothing was found.": "Die Prüfungen sind gelaufen; nichts wurde gefunden.",
    "The checks have run; {count} issues are left.": "Die Prüfungen sind gelaufen; {count} Befunde bleiben.",
    "Still so: {title}. {found}": "Noch immer: {title}. {found}",
    "Resolved: {title}": "Behoben: {title}",
    "The issue is yours.": "Der Befund gehört Ihnen.",
    "The issue is nobody's now.": "Der Befund gehört jetzt niemandem.",
    "The issue is muted.": "Der Befund ist stumm.",
    "The issue is shown again.": "Der Befund wird wieder gezeigt.",
    "Say why this may be left as it is.": "Sagen Sie, warum das so bleiben darf.",
    "Keys": "Schlüssel",
    "Key id": "Schlüsselkennung",
    "Give up a key": "Einen Schlüssel aufgeben",
    "Somebody else may have this key": "Jemand anders könnte diesen Schlüssel haben",
    "It becomes worthless at once and cannot be brought back; a successor takes over.": (
        "Er wird sofort und endgültig wertlos; ein Nachfolger übernimmt."
    ),
    "It is the identity: every connection is suspended until it is re-keyed by a new invitation.": (
        "Es ist die Identität: Jede Verbindung ist ausgesetzt, bis eine neue Einladung sie erneuert."
    ),
    "Give up key": "Schlüssel aufgeben",
    "Replace identity": "Identität ersetzen",
    "This instance becomes somebody new to its peers": "Diese Instanz wird für ihre Gegenseiten jemand Neues",
    "Every connection is suspended until it is re-keyed by a new invitation.": (
        "Jede Verbindung ist ausgesetzt, bis eine neue Einladung sie erneuert."
    ),
    "What this instance proves itself with, and seals its secrets under.": (
        "Womit diese Instanz sich ausweist und ihre Geheimnisse versiegelt."
    ),
    "Diagnostics": "Diagnose",
    "Key ring": "Schlüsselbund",
    "Published key set: number {number}.": "Veröffentlichter Schlüsselsatz: Nummer {number}.",
    "Rotate": "Wechseln",
    "The next key is published first and signs as soon as every peer has acknowledged it.": (
        "Der nächste Schlüssel wird erst veröffentlicht und signiert, sobald jede Gegenseite ihn bestätigt hat."
    ),
    "Rotate: {purpose}": "Wechseln: {purpose}",
    "Algorithm": "Verfahren",
    "In use since": "In Gebrauch seit",
    "Ended": "Beendet",
    "{count} peers have not acknowledged it yet.": "{count} Gegenseiten haben ihn noch nicht bestätigt.",
    "Activate now": "Jetzt einsetzen",
    "Give up": "Aufgeben",
    "No keys yet": "Noch keine Schlüssel",
    "They are made together with the consumer record.": "Sie entstehen mit dem Abnehmer-Datensatz.",
    "The diagnostics need one of these roles:": "Die Diagnose braucht eine dieser Rollen:",
    "They are given by {names}.": "Sie werden vergeben von {names}.",
    "Nobody here can give them at the moment.": "Derzeit kann sie hier niemand vergeben.",
    "Key management is healthy": "Die Schlüsselverwaltung ist in Ordnung",
    "Key management is degraded": "Die Schlüsselverwaltung ist eingeschränkt",
    "Key management has failed": "Die Schlüsselverwaltung ist ausgefallen",
    "Identity": "Identität",
    "Requests": "Anfragen",
    "Tokens": "Tokens",
    "Stored data": "Gespeicherte Daten",
    "What peers pin; it signs the key set.": "Was Gegenseiten festhalten; er signiert den Schlüsselsatz.",
    "Signs requests and answers.": "Signiert Anfragen und Antworten.",
    "Signs tokens.": "Signiert Tokens.",
    "Seals what is stored.": "Versiegelt, was gespeichert ist.",
    "Published, not in use yet": "Veröffentlicht, noch nicht in Gebrauch",
    "In use": "In Gebrauch",
    "Still verifies": "Prüft noch",
    "Given up": "Aufgegeben",
    "The next {purpose} key was made.": "Der nächste Schlüssel ({purpose}) wurde angelegt.",
    "The key signs from now on.": "Der Schlüssel signiert von jetzt an.",
    "The key was given up. Nothing signed by it counts any more.": (
        "Der Schlüssel wurde aufgegeben. Nichts, was er signiert hat, gilt noch."
    ),
    "This instance has a new identity. Invite every peer again.": (
        "Diese Instanz hat eine neue Identität. Laden Sie jede Gegenseite erneut ein."
    ),
    "This is not the text to type.": "Das ist nicht der einzugebende Text.",
    "Say why.": "Sagen Sie, warum.",
    "found once,": "einmal gefunden,",
    "Sent / received in 24 h": "In 24 Std. gesendet / empfangen",
    "Every severity": "Jede Schwere",
    "Whoever has them": "Bei wem auch immer",
    "For instance provider_connection.taken_up.": "Zum Beispiel provider_connection.taken_up.",
    "For instance REG0000001.": "Zum Beispiel REG0000001.",
    "For instance user, key, connection.": "Zum Beispiel user, key, connection.",
}
