"""Identities that are lost, and the connections they re-key."""

GERMAN = {
    "A new invitation gives this connection other keys. The connection, its queues and its records stay; "
    "everything that waits is sent afterwards.": (
        "Eine neue Einladung gibt dieser Verbindung neue Schlüssel. Verbindung, Warteschlangen und Datensätze "
        "bleiben; alles Wartende wird danach gesendet."
    ),
    "Both sides have to confirm the comparison code; the connection, its queues and its records stay.": (
        "Beide Seiten müssen den Vergleichscode bestätigen; Verbindung, Warteschlangen und Datensätze bleiben."
    ),
    "Consumer's identity counts as lost": "Identität des Abnehmers gilt als verloren",
    "Give the connection with {consumer} other keys?": "Der Verbindung mit {consumer} neue Schlüssel geben?",
    "Nothing crosses it until it is re-keyed: an administrator opens a new invitation here, the consumer "
    "opens its link, and both compare the code. The consumer has to have suspended it too.": (
        "Nichts geht darüber, bis sie neue Schlüssel hat: Hier öffnet jemand von der Verwaltung eine neue "
        "Einladung, der Abnehmer öffnet ihren Link, und beide vergleichen den Code. Auch der Abnehmer muss "
        "sie ausgesetzt haben."
    ),
    "Nothing crosses this connection any more until it is re-keyed by a new invitation with a comparison "
    "code. Queues keep, nothing is lost.": (
        "Über diese Verbindung geht nichts mehr, bis eine neue Einladung mit Vergleichscode sie mit neuen "
        "Schlüsseln versieht. Warteschlangen bleiben, nichts geht verloren."
    ),
    "Re-key": "Neue Schlüssel",
    "Re-key {name}": "Neue Schlüssel für {name}",
    "Re-keys": "Neue Schlüssel für",
    "Receives the link, types the comparison code, and allows it.": (
        "Erhält den Link, gibt den Vergleichscode ein und erlaubt es."
    ),
    "Suspend": "Aussetzen",
    "Suspend {name}": "{name} aussetzen",
    "The connection is suspended. Messages wait until it is re-keyed.": (
        "Die Verbindung ist ausgesetzt. Nachrichten warten, bis sie neue Schlüssel hat."
    ),
    "The peer has lost its identity key": "Die Gegenseite hat ihren Identitätsschlüssel verloren",
    "Then the key pinned here is never accepted again; only another one re-keys the connection.": (
        "Dann wird der hier festgehaltene Schlüssel nie mehr angenommen; nur ein anderer löst ihn ab."
    ),
    "This company has no contact who could act": "Diese Firma hat keinen Kontakt, der handeln könnte",
    "This connection is suspended": "Diese Verbindung ist ausgesetzt",
    "This registration re-keys an existing connection": (
        "Diese Registrierung gibt einer bestehenden Verbindung neue Schlüssel"
    ),
    "Type the eight characters your own console shows. An identity was lost, so the code tells your "
    "instance from a thief's.": (
        "Geben Sie die acht Zeichen ein, die Ihre eigene Konsole zeigt. Eine Identität ging verloren; der "
        "Code unterscheidet Ihre Instanz von der eines Diebes."
    ),
}
