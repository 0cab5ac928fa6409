"""Identity providers and the accounts that are linked to people."""

GERMAN = {
    "By their word people sign in who are linked to an account there.": (
        "Auf ihr Wort melden sich Personen an, die mit einem Konto dort verknüpft sind."
    ),
    "By these accounts at identity providers the person signs in.": (
        "Mit diesen Konten bei Identitätsanbietern meldet sich die Person an."
    ),
    "Choose an identity provider.": "Wählen Sie einen Identitätsanbieter.",
    "Client id": "Client-ID",
    "Client secret": "Client-Geheimnis",
    "Creates users": "Legt Benutzer an",
    "Deactivating ends every session and token that began by its word.": (
        "Deaktivieren beendet jede Sitzung und jedes Token, die auf sein Wort begonnen haben."
    ),
    "End the link": "Verknüpfung beenden",
    "Enter scopes separated by blanks; openid is one of them.": (
        "Geben Sie Scopes ein, durch Leerzeichen getrennt; openid gehört dazu."
    ),
    "Enter the client id the identity provider has given you.": (
        "Geben Sie die Client-ID ein, die Sie vom Identitätsanbieter haben."
    ),
    "Enter the client secret the identity provider has given you.": (
        "Geben Sie das Client-Geheimnis ein, das Sie vom Identitätsanbieter haben."
    ),
    "Enter the issuer as its discovery document names it, like https://login.example.com.": (
        "Geben Sie den Aussteller ein, wie sein Discovery-Dokument ihn nennt, etwa https://login.example.com."
    ),
    "Enter the subject: at most 255 characters, without blanks around it.": (
        "Geben Sie das Subjekt ein: höchstens 255 Zeichen, ohne Leerzeichen am Rand."
    ),
    "Enter up to 40 lower-case letters, digits and dashes.": (
        "Geben Sie bis zu 40 Kleinbuchstaben, Ziffern und Bindestriche ein."
    ),
    "Everybody signs in with a password of this instance.": "Alle melden sich mit einem Passwort dieser Instanz an.",
    "Has to be linked again": "Muss neu verknüpft werden",
    "Identity provider": "Identitätsanbieter",
    "Identity providers": "Identitätsanbieter",
    "Issuer": "Aussteller",
    "Its word about mail addresses is trusted": "Seinem Wort über Mail-Adressen wird vertraut",
    "Leave it empty to keep the present one.": "Leer lassen, um das jetzige zu behalten.",
    "Letter by letter as its discovery document names it. It never changes.": (
        "Buchstabe für Buchstabe, wie sein Discovery-Dokument ihn nennt. Er ändert sich nie."
    ),
    "Like example.com, separated by blanks; none: any.": "Etwa example.com, durch Leerzeichen getrennt; keine: alle.",
    "Link an account": "Konto verknüpfen",
    "Link an account at {name}": "Konto bei {name} verknüpfen",
    "Link this account": "Dieses Konto verknüpfen",
    "Link this account?": "Dieses Konto verknüpfen?",
    "Linked": "Verknüpft",
    "Linked accounts": "Verknüpfte Konten",
    "Mail domains of new users": "Mail-Domänen neuer Benutzer",
    "May create users": "Darf Benutzer anlegen",
    "New identity provider": "Neuer Identitätsanbieter",
    "No": "Nein",
    "No identity providers yet": "Noch keine Identitätsanbieter",
    "None for a public client.": "Keines für einen öffentlichen Client.",
    "Only where it proves every mailbox itself.": "Nur, wenn er jedes Postfach selbst prüft.",
    "People nobody knows here become users without roles, if their address is proven and nobody has it.": (
        "Wen hier niemand kennt, wird Benutzer ohne Rollen, wenn die Adresse bewiesen ist und niemand sie hat."
    ),
    "Redirect address, to be registered at the identity provider": (
        "Rücksprungadresse, beim Identitätsanbieter einzutragen"
    ),
    "Remove the secret": "Geheimnis entfernen",
    "Short name": "Kurzname",
    "Sign in by {name}": "Mit {name} anmelden",
    "Some linked accounts have to be linked again": "Manche verknüpften Konten müssen neu verknüpft werden",
    "Stands in the redirect address, for instance staff. It never changes.": (
        "Steht in der Rücksprungadresse, etwa staff. Er ändert sich nie."
    ),
    "Stands on the button of the sign-in page.": "Steht auf dem Knopf der Anmeldeseite.",
    "Subject": "Subjekt",
    "The account was linked.": "Das Konto wurde verknüpft.",
    "The identity provider was saved.": "Der Identitätsanbieter wurde gespeichert.",
    "The link has ended, and whatever began by it.": (
        "Die Verknüpfung ist beendet, und alles, was durch sie begonnen hat."
    ),
    "There is no account that waits to be linked.": "Kein Konto wartet darauf, verknüpft zu werden.",
    "What the identity provider calls the person in sub. The audit trail has it of every sign-in that was refused.": (
        "Wie der Identitätsanbieter die Person in sub nennt. Das Protokoll nennt es bei jeder abgelehnten Anmeldung."
    ),
    "Whoever can sign in to it will be able to sign in here as you.": (
        "Wer sich dort anmelden kann, wird sich hier als Sie anmelden können."
    ),
    "You can sign in by {name} from now on.": "Sie können sich von jetzt an mit {name} anmelden.",
    "Your password was set by a link. Link again what is yours, and end what is not.": (
        "Ihr Passwort wurde über einen Link gesetzt. Verknüpfen Sie neu, was Ihnen gehört, und beenden Sie den Rest."
    ),
    "Your password is set. Sign in with it, then look at your linked accounts: they have to be linked again.": (
        "Ihr Passwort ist gesetzt. Melden Sie sich damit an und sehen Sie Ihre verknüpften Konten durch: "
        "Sie müssen neu verknüpft werden."
    ),
}
