"""Signing in, accounts, users, companies, tokens."""

GERMAN = {
    "A mail with a link to set the password is on its way.": "Eine E-Mail mit einem Passwort-Link ist unterwegs.",
    "A person of {company} who may allow its connection.": (
        "Eine Person von {company}, die deren Verbindung erlauben darf."
    ),
    "A token acts for its owner, within its scopes.": "Ein Token handelt für seinen Inhaber, im Rahmen seiner Rechte.",
    "API tokens": "API-Tokens",
    "About me": "Über mich",
    "Access": "Zugang",
    "Account key": "Kontoschlüssel",
    "Ask for a new link": "Neuen Link anfordern",
    "At least 12 characters; several words are easy to remember.": (
        "Mindestens 12 Zeichen; mehrere Wörter merkt man sich leicht."
    ),
    "Begins with": "Beginnt mit",
    "Change password": "Passwort ändern",
    "Choose a language.": "Wählen Sie eine Sprache.",
    "Choose another company.": "Wählen Sie eine andere Firma.",
    "Choose at least one scope.": "Wählen Sie mindestens ein Recht.",
    "Choose from the roles listed.": "Wählen Sie aus den genannten Rollen.",
    "Copy it now": "Kopieren Sie es jetzt",
    "Copy password link": "Passwort-Link kopieren",
    "Create administrator": "Administrator anlegen",
    "Create token": "Token anlegen",
    "Days it works": "Gültigkeit in Tagen",
    "Deactivating ends every session of the person.": "Deaktivieren beendet jede Sitzung der Person.",
    "Does everything except giving key roles.": "Darf alles, außer Schlüsselrollen zu vergeben.",
    "Edit company": "Firma bearbeiten",
    "Enter a name of at most 200 characters.": "Geben Sie einen Namen von höchstens 200 Zeichen ein.",
    "Enter a name that says what the token is for.": "Geben Sie einen Namen ein, der sagt, wofür das Token ist.",
    "Enter a number of days from 1 to 365.": "Geben Sie eine Zahl von 1 bis 365 ein.",
    "Enter an e-mail address like name@example.com.": "Geben Sie eine E-Mail-Adresse wie name@example.com ein.",
    "Enter at most 200 characters, or nothing.": "Geben Sie höchstens 200 Zeichen ein oder nichts.",
    "Enter domains that stand among the mail domains.": "Geben Sie Domänen ein, die unter den Mail-Domänen stehen.",
    "Enter mail domains like example.com, separated by blanks.": (
        "Geben Sie Mail-Domänen wie example.com ein, durch Leerzeichen getrennt."
    ),
    "Enter your name.": "Geben Sie Ihren Namen ein.",
    "Every registration belongs to a company and one of its contacts.": (
        "Jede Registrierung gehört zu einer Firma und einem ihrer Kontakte."
    ),
    "Everybody who can sign in here, staff and contacts alike.": (
        "Alle, die sich hier anmelden können, Mitarbeiter wie Kontakte."
    ),
    "Everybody's": "Aller",
    "Forgot your password?": "Passwort vergessen?",
    "Forgotten password": "Passwort vergessen",
    "Gives the key roles, and reads key diagnostics.": "Vergibt die Schlüsselrollen und liest die Schlüsseldiagnose.",
    "Gives the role sn_sb_pro.consumer, which registering takes.": (
        "Gibt die Rolle sn_sb_pro.consumer, die eine Registrierung verlangt."
    ),
    "Has a user": "Hat einen Benutzer",
    "Has no user to sign in as": "Hat keinen Benutzer zum Anmelden",
    "Held; you cannot take it.": "Vorhanden; Sie können sie nicht nehmen.",
    "If somebody has this address, a mail is on its way": "Wenn jemand diese Adresse hat, ist eine E-Mail unterwegs",
    "Is a consumer's contact and may allow its connection.": (
        "Ist Kontakt eines Abnehmers und darf dessen Verbindung erlauben."
    ),
    "It is shown this once; nobody can read it again.": "Es wird nur dieses eine Mal gezeigt; niemand liest es wieder.",
    "Its link works once, for one hour. Where this instance sends no mail, ask an administrator for a link.": (
        "Ihr Link gilt einmal, eine Stunde lang. Wo diese Instanz keine E-Mail sendet, bitten Sie einen Administrator."
    ),
    "Known to everybody": "Allen bekannt",
    "Lacks {role}": "Ohne {role}",
    "Last sign-in": "Letzte Anmeldung",
    "Last used": "Zuletzt benutzt",
    "Like example.com, separated by blanks.": "Wie example.com, durch Leerzeichen getrennt.",
    "Mail address or password is wrong. Try again, or have a mail sent to set a new password.": (
        "E-Mail-Adresse oder Passwort ist falsch. Versuchen Sie es erneut, oder lassen Sie sich einen Link senden."
    ),
    "Mail domains": "Mail-Domänen",
    "May act": "Darf handeln",
    "May allow connections": "Darf Verbindungen erlauben",
    "May not act": "Darf nicht handeln",
    "My account": "Mein Konto",
    "My roles": "Meine Rollen",
    "New company": "Neue Firma",
    "New contact": "Neuer Kontakt",
    "New password": "Neues Passwort",
    "New token": "Neues Token",
    "New user": "Neuer Benutzer",
    "No": "Nein",
    "No companies yet": "Noch keine Firmen",
    "No contact yet": "Noch kein Kontakt",
    "No tokens yet": "Noch keine Tokens",
    "Nobody has this address": "Niemand hat diese Adresse",
    "Not set yet": "Noch nicht gesetzt",
    "Only its own people know the key that names the company in a registration.": (
        "Nur ihre eigenen Leute kennen den Schlüssel, der die Firma bei einer Registrierung benennt."
    ),
    "Open user": "Benutzer öffnen",
    "Or copy a link from the user's page afterwards.": "Oder kopieren Sie danach einen Link von der Seite der Person.",
    "Other programs use a token to call the API.": "Andere Programme rufen die API mit einem Token auf.",
    "Parent company": "Muttergesellschaft",
    "Password link": "Passwort-Link",
    "Password link of {name}": "Passwort-Link von {name}",
    "Present password": "Jetziges Passwort",
    "Reads keys and their diagnostics.": "Liest Schlüssel und ihre Diagnose.",
    "Rotates keys and gives them up.": "Erneuert Schlüssel und gibt sie auf.",
    "Runs connections, companies and the Health Dashboard.": "Betreut Verbindungen, Firmen und die Zustandsübersicht.",
    "Save roles": "Rollen speichern",
    "Secret": "Geheim",
    "Sees registrations, connections and issues.": "Sieht Registrierungen, Verbindungen und Befunde.",
    "Send a mail to set a password": "E-Mail zum Setzen des Passworts senden",
    "Send it as Authorization: Bearer.": "Senden Sie es als Authorization: Bearer.",
    "Send link": "Link senden",
    "Send password mail": "Passwort-E-Mail senden",
    "Set password": "Passwort setzen",
    "Set up this instance": "Diese Instanz einrichten",
    "Set your password": "Passwort setzen",
    "Setup code": "Einrichtungscode",
    "Shown now only. It works once.": "Wird nur jetzt gezeigt. Er gilt einmal.",
    "Sign-in": "Anmeldung",
    "The account key is secret": "Der Kontoschlüssel ist geheim",
    "The company was saved.": "Die Firma wurde gespeichert.",
    "The contact receives the link of a registration and allows the connection.": (
        "Der Kontakt erhält den Link einer Registrierung und erlaubt die Verbindung."
    ),
    "The contacts of an inactive company may not act.": "Die Kontakte einer inaktiven Firma dürfen nicht handeln.",
    "The person was saved.": "Die Person wurde gespeichert.",
    "The roles were saved.": "Die Rollen wurden gespeichert.",
    "The service printed a link when it started; paste the part after “#token=”. It works for 30 minutes.": (
        "Der Dienst hat beim Start einen Link ausgegeben; fügen Sie den Teil nach „#token=“ ein. Er gilt 30 Minuten."
    ),
    "The token {name} was revoked.": "Das Token {name} wurde widerrufen.",
    "Those of its mail domains that you found to be its own.": (
        "Die ihrer Mail-Domänen, die sich als ihre eigenen erwiesen haben."
    ),
    "To a person who has none. Where no mail is sent, copy the link from the user's page.": (
        "An eine Person ohne Passwort. Wo keine E-Mail gesendet wird, kopieren Sie den Link von ihrer Seite."
    ),
    "Token {name}": "Token {name}",
    "Verified domains": "Bestätigte Domänen",
    "We send a link to set a new password.": "Wir senden einen Link, um ein neues Passwort zu setzen.",
    "Welcome, {name}": "Willkommen, {name}",
    "What another system of yours calls it; unique.": "Wie ein anderes Ihrer Systeme sie nennt; eindeutig.",
    "What it is for, for instance reporting.": "Wofür es ist, zum Beispiel Berichte.",
    "Whoever has an account here already keeps it.": "Wer hier schon ein Konto hat, behält es.",
    "Whoever opens it sets the password and can sign in as {name}. Hand it over on a way you trust.": (
        "Wer ihn öffnet, setzt das Passwort und kann sich als {name} anmelden. Übergeben Sie ihn auf sicherem Weg."
    ),
    "Whoever started the service becomes its first administrator.": (
        "Wer den Dienst gestartet hat, wird sein erster Administrator."
    ),
    "Whose instances connect with this one, and who decides for them.": (
        "Wessen Instanzen sich mit dieser verbinden, und wer für sie entscheidet."
    ),
    "Whose tokens": "Wessen Tokens",
    "Writing includes reading. Your roles limit the token too.": (
        "Schreiben schließt Lesen ein. Auch Ihre Rollen begrenzen das Token."
    ),
    "You are not signed in, or no longer": "Sie sind nicht oder nicht mehr angemeldet",
    "You cannot give it.": "Sie können sie nicht geben.",
    "You sign in with it.": "Sie melden sich damit an.",
    "Your account was saved.": "Ihr Konto wurde gespeichert.",
    "Your name": "Ihr Name",
    "Your password is set. Sign in with it.": "Ihr Passwort ist gesetzt. Melden Sie sich damit an.",
    "Your password was changed. Other sessions have ended.": (
        "Ihr Passwort wurde geändert. Andere Sitzungen sind beendet."
    ),
    "{name} is a contact now.": "{name} ist jetzt Kontakt.",
    "{name} may act again.": "{name} darf wieder handeln.",
    "{name} may no longer act.": "{name} darf nicht mehr handeln.",
}
