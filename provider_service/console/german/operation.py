"""Health, keys, connections, the record, the audit trail."""

GERMAN = {
    "A connection comes of a registration that the contact has allowed.": (
        "Eine Verbindung entsteht aus einer Registrierung, die der Kontakt erlaubt hat."
    ),
    "A muted issue is hidden, with your reason. An error blocks all the same.": (
        "Ein stummer Befund ist verborgen, mit Ihrem Grund. Ein Fehler hält trotzdem auf."
    ),
    "A test mail to {address} is queued.": "Eine Test-E-Mail an {address} ist unterwegs.",
    "Activate now": "Jetzt benutzen",
    "Although this is no production instance.": "Obwohl dies keine Produktionsinstanz ist.",
    "Answered {share}": "Beantwortet {share}",
    "Assign to me": "Mir zuweisen",
    "Assigned to me": "Mir zugewiesen",
    "Audit trail": "Protokoll",
    "Checks run by themselves; an issue resolves by itself when its check finds nothing any more.": (
        "Prüfungen laufen von selbst; ein Befund behebt sich, wenn seine Prüfung nichts mehr findet."
    ),
    "Choose what this instance is for.": "Wählen Sie, wofür diese Instanz ist.",
    "Clock difference": "Abstand der Uhren",
    "Consumers this instance exchanges records with.": "Abnehmer, mit denen diese Instanz Datensätze austauscht.",
    "Declare a copy": "Als Kopie erklären",
    "Declare a restore": "Als Wiederherstellung erklären",
    "Delivery": "Zustellung",
    "Disconnect {name}": "{name} trennen",
    "E-mail goes out only if you switch it on.": "E-Mail wird nur gesendet, wenn Sie es einschalten.",
    "E-mail goes out, and contacts need a real mail address.": (
        "E-Mail wird gesendet, und Kontakte brauchen eine echte Adresse."
    ),
    "Edit provider record": "Anbieterdatensatz bearbeiten",
    "Empty: to yourself.": "Leer: an Sie selbst.",
    "Enter an e-mail address like exchange@example.com, or nothing.": (
        "Geben Sie eine E-Mail-Adresse wie exchange@example.com ein oder nichts."
    ),
    "Enter one line of at most 200 characters.": "Geben Sie eine Zeile von höchstens 200 Zeichen ein.",
    "Every check that has run found nothing.": "Keine Prüfung hat etwas gefunden.",
    "Every connection is suspended until it is re-keyed by a new invitation.": (
        "Jede Verbindung ruht, bis eine neue Einladung sie mit neuen Schlüsseln versieht."
    ),
    "First found": "Zuerst gefunden",
    "Give back": "Zurückgeben",
    "Give up": "Aufgeben",
    "Give up a key": "Einen Schlüssel aufgeben",
    "Give up key": "Schlüssel aufgeben",
    "Given up": "Aufgegeben",
    "Health Dashboard": "Zustandsübersicht",
    "Heartbeat now": "Jetzt anklopfen",
    "Heartbeat, 24 h": "Lebenszeichen, 24 Std.",
    "Identity of the peer": "Identität der Gegenstelle",
    "In use": "In Gebrauch",
    "In use since": "In Gebrauch seit",
    "Invitations come from it.": "Einladungen kommen von ihr.",
    "Is not sent": "Wird nicht gesendet",
    "Is sent": "Wird gesendet",
    "Issues of {number}": "Befunde von {number}",
    "It becomes worthless at once and cannot be brought back; a successor takes over.": (
        "Er ist sofort wertlos und kommt nicht zurück; ein Nachfolger übernimmt."
    ),
    "It is a copy": "Es ist eine Kopie",
    "It is the identity: every connection is suspended until it is re-keyed by a new invitation.": (
        "Es ist die Identität: Jede Verbindung ruht, bis eine neue Einladung sie mit neuen Schlüsseln versieht."
    ),
    "It is the same instance in a new epoch. The original must no longer run.": (
        "Es ist dieselbe Instanz in einer neuen Epoche. Das Original darf nicht mehr laufen."
    ),
    "It is written down, and this instance goes on.": "Es ist festgehalten, und diese Instanz macht weiter.",
    "It was restored": "Sie wurde wiederhergestellt",
    "Its database and its data directory do not agree: the database was copied or restored. Nothing is sent or "
    "answered until you say which.": (
        "Datenbank und Datenverzeichnis passen nicht zusammen: Die Datenbank wurde kopiert oder wiederhergestellt. "
        "Nichts wird gesendet oder beantwortet, bis Sie sagen, was davon."
    ),
    "Key diagnostics": "Schlüsseldiagnose",
    "Key id": "Schlüsselkennung",
    "Key management has failed": "Die Schlüsselverwaltung ist ausgefallen",
    "Key management is degraded": "Die Schlüsselverwaltung ist eingeschränkt",
    "Key management is healthy": "Die Schlüsselverwaltung ist in Ordnung",
    "Key ring": "Schlüsselbund",
    "Key set": "Schlüsselsatz",
    "Key set works until": "Schlüsselsatz gilt bis",
    "Keys": "Schlüssel",
    "Last contact": "Letzter Kontakt",
    "Last exchange": "Letzter Austausch",
    "Last found": "Zuletzt gefunden",
    "Letters, digits and dashes; consumers see it.": "Buchstaben, Ziffern und Striche; Abnehmer sehen ihn.",
    "Messages stop in both directions for good; the peer is told, nothing is deleted. To connect again takes a new "
    "registration.": (
        "Nachrichten enden in beiden Richtungen endgültig; die Gegenstelle erfährt es, nichts wird gelöscht. Für eine "
        "neue Verbindung braucht es eine neue Registrierung."
    ),
    "Next try": "Nächster Versuch",
    "No connections here": "Keine Verbindungen hier",
    "No entry fits": "Kein Eintrag passt",
    "No issue fits what you are looking for.": "Kein Befund passt zu Ihrer Suche.",
    "No keys yet": "Noch keine Schlüssel",
    "Nobody here can give them at the moment.": "Niemand hier kann sie im Moment vergeben.",
    "None blocks": "Keiner hält auf",
    "Nothing to see to": "Nichts zu tun",
    "Open issues": "Offene Befunde",
    "Provider record": "Anbieterdatensatz",
    "Published key set: number {number}.": "Veröffentlichter Schlüsselsatz: Nummer {number}.",
    "Published, not in use yet": "Veröffentlicht, noch nicht in Gebrauch",
    "Replace identity": "Identität ersetzen",
    "Resolved: {title}": "Behoben: {title}",
    "Rotate: {purpose}": "Erneuern: {purpose}",
    "Round trip": "Umlaufzeit",
    "Say why this may be left as it is.": "Sagen Sie, warum es so bleiben darf.",
    "Say why.": "Sagen Sie, warum.",
    "Seals what is stored.": "Versiegelt, was gespeichert wird.",
    "Send e-mail": "E-Mail senden",
    "Send test mail": "Test-E-Mail senden",
    "Sender address": "Absenderadresse",
    "Settings acknowledged": "Einstellungen bestätigt",
    "Signs registration links.": "Unterschreibt Registrierungslinks.",
    "Signs requests and answers.": "Unterschreibt Anfragen und Antworten.",
    "Somebody else may have this key": "Jemand anderes hat vielleicht diesen Schlüssel",
    "Still so: {title}. {found}": "Noch immer: {title}. {found}",
    "Still verifies": "Prüft noch",
    "Stored data": "Gespeichertes",
    "Support contact": "Ansprechpartner",
    "Test mail": "Test-E-Mail",
    "The checks have run; nothing was found.": "Die Prüfungen sind gelaufen; nichts wurde gefunden.",
    "The checks have run; {count} issues are left.": "Die Prüfungen sind gelaufen; {count} Befunde bleiben.",
    "The connection goes on.": "Die Verbindung geht weiter.",
    "The connection has ended; the peer is told.": "Die Verbindung ist beendet; die Gegenstelle erfährt es.",
    "The connection is paused. Messages wait.": "Die Verbindung ist angehalten. Nachrichten warten.",
    "The diagnostics need one of these roles:": "Die Diagnose verlangt eine dieser Rollen:",
    "The issue is muted.": "Der Befund ist stumm.",
    "The issue is nobody's now.": "Der Befund gehört jetzt niemandem.",
    "The issue is shown again.": "Der Befund wird wieder gezeigt.",
    "The issue is yours.": "Der Befund ist Ihrer.",
    "The key signs from now on.": "Der Schlüssel unterschreibt von jetzt an.",
    "The key was given up. Nothing signed by it counts any more.": (
        "Der Schlüssel wurde aufgegeben. Nichts, was er unterschrieb, zählt mehr."
    ),
    "The last exchange failed": "Der letzte Austausch ist misslungen",
    "The next key is published first and signs as soon as every peer has acknowledged it.": (
        "Der nächste Schlüssel wird erst veröffentlicht und gilt, sobald jede Gegenstelle ihn bestätigt hat."
    ),
    "The next {purpose} key was made.": "Der nächste Schlüssel für {purpose} wurde gemacht.",
    "The peer answered after {count} ms.": "Die Gegenstelle hat nach {count} ms geantwortet.",
    "The peer did not answer: {problem}": "Die Gegenstelle hat nicht geantwortet: {problem}",
    "The peer fetches its messages": "Die Gegenstelle holt ihre Nachrichten",
    "The provider record was created, and its keys with it.": (
        "Der Anbieterdatensatz und seine Schlüssel sind angelegt."
    ),
    "The provider record was saved.": "Der Anbieterdatensatz wurde gespeichert.",
    "They are given by {names}.": "Sie werden von {names} vergeben.",
    "They are made together with the provider record.": "Sie entstehen mit dem Anbieterdatensatz.",
    "This connection has ended": "Diese Verbindung ist beendet",
    "This instance becomes somebody new to its peers": "Diese Instanz wird für ihre Gegenstellen jemand Neues",
    "This instance gets an id and keys of its own; the original goes on as it is.": (
        "Diese Instanz bekommt eigene Kennung und Schlüssel; das Original bleibt, wie es ist."
    ),
    "This instance has a new identity. Invite every peer again.": (
        "Diese Instanz hat eine neue Identität. Laden Sie jede Gegenstelle neu ein."
    ),
    "This instance is muted": "Diese Instanz ist stumm",
    "This is not the text to type.": "Das ist nicht der verlangte Text.",
    "This side calls the peer": "Diese Seite ruft die Gegenstelle an",
    "Times found": "Wie oft gefunden",
    "Use 1 to 64 letters, digits and dashes.": "Nehmen Sie 1 bis 64 Buchstaben, Ziffern und Striche.",
    "Validate & resolve": "Prüfen und beheben",
    "Validate all": "Alles prüfen",
    "What keeps this registration from going on, in the task itself and in this instance.": (
        "Was diese Registrierung aufhält, in der Aufgabe selbst und in dieser Instanz."
    ),
    "What peers pin; it signs the key set.": "Was Gegenstellen festhalten; sie unterschreibt den Schlüsselsatz.",
    "What this instance proves itself with, and seals its secrets under.": (
        "Womit diese Instanz sich ausweist und ihre Geheimnisse versiegelt."
    ),
    "What was found": "Was gefunden wurde",
    "Which connections": "Welche Verbindungen",
    "Which issues": "Welche Befunde",
    "Who changed what, when, from where. Entries are never altered.": (
        "Wer was wann von wo geändert hat. Einträge werden nie verändert."
    ),
    "Who this instance is to the consumers connected with it.": (
        "Wer diese Instanz für die mit ihr verbundenen Abnehmer ist."
    ),
    "Whom people turn to: an e-mail address, a telephone number or a page.": (
        "An wen man sich wendet: eine E-Mail-Adresse, eine Telefonnummer oder eine Seite."
    ),
    "Why it is muted": "Warum er stumm ist",
    "You are the administrator. Now say who this instance is.": (
        "Sie sind der Administrator. Sagen Sie nun, wer diese Instanz ist."
    ),
    "found {count} times, last": "{count}-mal gefunden, zuletzt",
    "with {name}": "bei {name}",
    "{count} block": "{count} halten auf",
    "{count} do not answer": "{count} antworten nicht",
    "{count} held, {quarantined} set aside": "{count} zurückgehalten, {quarantined} beiseitegelegt",
    "{count} peers have not acknowledged it yet.": "{count} Gegenstellen haben ihn noch nicht bestätigt.",
    "For instance registration.created.": "Zum Beispiel registration.created.",
    "For instance REG0000001.": "Zum Beispiel REG0000001.",
    "For instance user, key, connection.": "Zum Beispiel user, key, connection.",
    "Every severity": "Jede Schwere",
    "Whoever has them": "Bei wem auch immer",
    "found once,": "einmal gefunden,",
    "Sent / received in 24 h": "In 24 Std. gesendet / empfangen",
}
