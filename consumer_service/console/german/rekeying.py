"""Identities that are lost, and the connections they re-key."""

from typing import Final

REKEYING: Final = {
    "An identity was lost, so you confirm what the provider's page shows: ask the provider to read it to you.": (
        "Eine Identität ging verloren; bestätigen Sie, was die Seite des Anbieters zeigt: Lassen Sie es sich "
        "vom Anbieter vorlesen."
    ),
    "Nothing crosses it until it is re-keyed: ask the provider for a new invitation to this connection, "
    "open its link here, and compare the code with the provider. The provider has to have suspended it "
    "too.": (
        "Nichts geht darüber, bis sie neue Schlüssel hat: Bitten Sie den Anbieter um eine neue Einladung zu "
        "dieser Verbindung, öffnen Sie ihren Link hier und vergleichen Sie den Code mit dem Anbieter. Auch "
        "der Anbieter muss sie ausgesetzt haben."
    ),
    "Nothing crosses this connection any more until it is re-keyed by a new invitation with a comparison "
    "code. Queues keep, nothing is lost.": (
        "Über diese Verbindung geht nichts mehr, bis eine neue Einladung mit Vergleichscode sie mit neuen "
        "Schlüsseln versieht. Warteschlangen bleiben, nichts geht verloren."
    ),
    "Re-keys": "Neue Schlüssel für",
    "Suspend": "Aussetzen",
    "Suspend {name}": "{name} aussetzen",
    "The connection is suspended. Messages wait until it is re-keyed.": (
        "Die Verbindung ist ausgesetzt. Nachrichten warten, bis sie neue Schlüssel hat."
    ),
    "The connection, its queues and its records stay. Go on only if the provider told you of it in "
    "person: you will have to compare a code with the provider.": (
        "Verbindung, Warteschlangen und Datensätze bleiben. Gehen Sie nur weiter, wenn der Anbieter es Ihnen "
        "persönlich angekündigt hat: Sie werden einen Code mit ihm vergleichen müssen."
    ),
    "The peer has lost its identity key": "Die Gegenseite hat ihren Identitätsschlüssel verloren",
    "Then the key pinned here is never accepted again; only another one re-keys the connection.": (
        "Dann wird der hier festgehaltene Schlüssel nie mehr angenommen; nur ein anderer löst ihn ab."
    ),
    "This connection is suspended": "Diese Verbindung ist ausgesetzt",
    "This link re-keys your connection with {host}": "Dieser Link gibt Ihrer Verbindung mit {host} neue Schlüssel",
}
