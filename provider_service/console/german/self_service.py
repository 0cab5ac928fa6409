"""Profile options of self-service registration."""

GERMAN = {
    "After": "Nachher",
    "Before": "Vorher",
    "When": "Wann",
    "A role of this console, which nobody gets by registering": (
        "Eine Rolle dieser Konsole, die niemand durch Registrieren erhält"
    ),
    "Account administrators may decide requests of their own account.": (
        "Kontoadministratoren dürfen über Anträge ihres eigenen Kontos entscheiden."
    ),
    "B2C requests need no person.": "B2C-Anträge brauchen keine Person.",
    "B2C requests go on by themselves as far as approval; otherwise a person has to start each.": (
        "B2C-Anträge laufen von selbst bis zur Genehmigung; sonst muss eine Person jeden anstoßen."
    ),
    "Back to the default": "Zurück zur Vorgabe",
    "Changed": "Geändert",
    "Changed by": "Geändert von",
    "Default": "Vorgabe",
    "Effect": "Wirkung",
    "History": "Verlauf",
    "Nobody has changed it yet.": "Noch hat sie niemand geändert.",
    "Not a name of letters, digits, _ . : and - without blanks": (
        "Kein Name aus Buchstaben, Ziffern, _ . : und - ohne Leerzeichen"
    ),
    "Not an attribute of the account with unique values": "Kein Attribut des Kontos mit eindeutigen Werten",
    "Not an attribute of the request": "Kein Attribut des Antrags",
    "Not one line of at most 60 characters": "Keine Zeile von höchstens 60 Zeichen",
    "Its values cannot name one person": "Seine Werte können nicht eine Person benennen",
    "Every user would be an administrator: the two roles have to differ": (
        "Jeder Benutzer wäre Administrator: die beiden Rollen müssen sich unterscheiden"
    ),
    "Option": "Option",
    "Pairs like Request_c=Contact_c, separated by commas.": "Paare wie Antrag_c=Kontakt_c, durch Kommas getrennt.",
    "Profile options": "Profiloptionen",
    "Requests tied to an account need no person.": "Anträge zu einem Konto brauchen keine Person.",
    "Requests tied to an account go on by themselves as far as approval; otherwise a person has to start each.": (
        "Anträge zu einem Konto laufen von selbst bis zur Genehmigung; sonst muss eine Person jeden anstoßen."
    ),
    "Set the option": "Option setzen",
    "The attribute of the account that AccountKey must equal, on exactly one account.": (
        "Das Attribut des Kontos, dem AccountKey gleichen muss, bei genau einem Konto."
    ),
    "The attribute of the request that becomes its LoginId when it gives none.": (
        "Das Attribut des Antrags, das seine LoginId wird, wenn er keine nennt."
    ),
    "The attribute of the request that finds an existing contact.": (
        "Das Attribut des Antrags, das einen vorhandenen Kontakt findet."
    ),
    "The category of B2C users.": "Die Kategorie der B2C-Benutzer.",
    "The option was saved.": "Die Option wurde gespeichert.",
    "The role every approved user gets.": "Die Rolle, die jeder genehmigte Benutzer erhält.",
    "The role of the account's first user.": "Die Rolle des ersten Benutzers eines Kontos.",
    "Value": "Wert",
    "What self-service registration does. A change counts at once.": (
        "Was die Selbstregistrierung tut. Eine Änderung gilt sofort."
    ),
    "Which attribute of the request goes to which attribute of the contact, where their names differ.": (
        "Welches Attribut des Antrags zu welchem Attribut des Kontakts wird, wo die Namen verschieden sind."
    ),
    "Who may register: nobody, anybody, or only people who are contacts already.": (
        "Wer sich registrieren darf: niemand, jeder, oder nur wer schon Kontakt ist."
    ),
}
