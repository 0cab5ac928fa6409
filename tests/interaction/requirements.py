"""What the foundation asks of the two sides together: id, section of the design, the behaviour in one sentence."""

from typing import NamedTuple


class Requirement(NamedTuple):
    """One behaviour somebody can see from outside."""

    section: str
    sentence: str


_HANDSHAKE = "protocol.md, Handshake"
_TOKEN = "protocol.md, Registration token and link"
_TASK = "onboarding.md, Registration task"
_MESSAGES = "protocol.md, Messages"
_AFTER = "onboarding.md, Connection (both sides), after"
_BARS = "quality.md, Security and reliability bars"
_SIGNATURES = "protocol.md, Signature profile"
_KEYS = "protocol.md, Identity and keys"
_CLONES = "protocol.md, Clones and restores"
_SCAN = "onboarding.md, Pre-onboarding scan"
_ACCESS = "self_service.md, Request"

REQUIREMENTS: dict[str, Requirement] = {
    "access.asked": Requirement(_ACCESS, "A consumer's administrators submit and follow requests for its people."),
    "access.believed": Requirement(_ACCESS, "A hostile consumer that asserts anybody's identity gains nothing."),
    "access.complete": Requirement(_ACCESS, "A consumer's person is let in, and its consumer follows it."),
    "access.lies": Requirement(_ACCESS, "A provider that lies about a request is not followed."),
    "access.once": Requirement(_ACCESS, "A request counts once, however often it is sent."),
    "access.own": Requirement(_ACCESS, "A connection sees its own requests and no others."),
    "access.refused": Requirement(_ACCESS, "What will not do is refused, whatever is known."),
    "announcement.address": Requirement(_HANDSHAKE, "A push consumer must answer at the registered address."),
    "attacks.hostile_json": Requirement(_BARS, "Hostile JSON on signed routes is refused without a 5xx."),
    "attacks.mutations": Requirement(_BARS, "No mutation of a signed request or answer is accepted, on any route."),
    "attacks.other_peer": Requirement(_BARS, "Nobody reaches another's registration or connection."),
    "attacks.replay": Requirement(_BARS, "No captured request is accepted again, by anybody, ever."),
    "attacks.tokens": Requirement(_BARS, "No forged token is accepted."),
    "attacks.unsigned": Requirement(_SIGNATURES, "Every peer route refuses who does not sign."),
    "callback.binding": Requirement(_HANDSHAKE, "Only the right provider's answer to this attempt is followed up."),
    "cancel.complete": Requirement(_TASK, "What is complete is not cancelled any more."),
    "cancel.every_step": Requirement(_TASK, "Either side cancels at every step, leaving nothing; one may begin anew."),
    "cancel.twice": Requirement(_TASK, "Cancelling twice is one effect."),
    "clones.copy": Requirement(_CLONES, "Of two histories of one epoch, that at the pinned address goes on."),
    "clones.third_party": Requirement(_CLONES, "A copy of a third party's implementation is found out."),
    "clones.undecidable": Requirement(_CLONES, "Where the address cannot be asked, the connection pauses."),
    "code.life": Requirement(_HANDSHAKE, "A code lives 60 seconds; a new consent makes a new one."),
    "comparison.attempts": Requirement(_HANDSHAKE, "For pull the code must be confirmed, with five attempts."),
    "comparison.same": Requirement(_HANDSHAKE, "Both sides show the same comparison code."),
    "connection.pause": Requirement(_AFTER, "A pause keeps queues, a resume lets them go."),
    "consent.contact": Requirement(_HANDSHAKE, "Only the named contact may allow."),
    "consent.denied": Requirement(_HANDSHAKE, "A denial is shown and can be followed by another try."),
    "crash.delivery": Requirement(_BARS, "A crash between any two steps of delivery loses and doubles nothing."),
    "crash.void": Requirement(_BARS, "A crash while a message is withdrawn uses its sequence up once."),
    "crash.handshake": Requirement(_BARS, "A crash between any two steps of the handshake leaves one connection."),
    "epoch.old": Requirement(_CLONES, "An epoch lower than seen before is refused."),
    "exchange.concurrent": Requirement(
        "exchange.md, Records", "After concurrent changes both hold the provider's value."
    ),
    "exchange.incident": Requirement("exchange.md, Records", "Incidents, changes and comments arrive; notes do not."),
    "exchange.no_echo": Requirement("exchange.md, Records", "A change from the peer is not sent back."),
    "goodbye": Requirement(_AFTER, "A goodbye closes both sides, waits for who is away, and frees the address."),
    "handshake.complete": Requirement(_HANDSHAKE, "A link leads to Closed Complete and Onboarded, by push and pull."),
    "handshake.deadline": Requirement(_TASK, "A handshake out of time is reset by itself."),
    "handshake.idempotent": Requirement(_HANDSHAKE, "The same key gets the stored answer, another body under it none."),
    "handshake.refused": Requirement(_HANDSHAKE, "What is refused before it is believed shows on both sides."),
    "handshake.reset": Requirement(_TASK, "A reset puts the handshake back; the link works again."),
    "handshake.resume": Requirement(_HANDSHAKE, "Processes may stop and answers be lost between any two steps."),
    "handshake.retry": Requirement(_HANDSHAKE, "Connecting again replaces the attempt before."),
    "handshake.steps": Requirement(_HANDSHAKE, "Steps have the same names and states on both sides."),
    "heartbeat": Requirement(_AFTER, "Heartbeats show each direction as up or down."),
    "integrators.page": Requirement("quality.md, For people", "The page for integrators works as it is written."),
    "keys.rotation": Requirement(_KEYS, "A new key is told, acknowledged, activated; open invitations survive."),
    "lanes.deferred": Requirement(_MESSAGES, "A lane the peer has no room for holds up no other."),
    "lanes.fit": Requirement(_MESSAGES, "What cannot fit the peer's limit is refused where it is written."),
    "lanes.skip": Requirement(_MESSAGES, "An operator withdraws what waits; its sequence is used up."),
    "lanes.void": Requirement(_MESSAGES, "What is refused alone is withdrawn in its place; the lane goes on."),
    "lanes.void_lies": Requirement(_MESSAGES, "Lies about what is withdrawn change nothing."),
    "messages.batches": Requirement(_MESSAGES, "One request carries at most a hundred messages."),
    "messages.retry": Requirement(_MESSAGES, "What could not be sent is sent later, once."),
    "messages.verdict": Requirement(_SIGNATURES, "Only an outcome inside a signed 200 is a verdict."),
    "messages.wake": Requirement(_MESSAGES, "Any authenticated contact ends the back-off."),
    "pull.lease": Requirement(_MESSAGES, "Leases lapse after 60 s; what has no outcome stays due."),
    "pull.never_called": Requirement(_HANDSHAKE, "A pull consumer is never called."),
    "pull.paused": Requirement(_AFTER, "A paused provider gives nothing out and says when to come again."),
    "pull.wait": Requirement(_MESSAGES, "A wait is 0 to 25 seconds; unknown parameters are refused."),
    "quotas.drain": Requirement(_MESSAGES, "A backlog drains; what a quota holds up arrives after its window."),
    "quotas.lanes": Requirement(_MESSAGES, "Too many new lanes are deferred, those that are there go on."),
    "quotas.refusal": Requirement(_MESSAGES, "A noisy peer is refused, signed and by quota; another goes on."),
    "quotas.told": Requirement(_MESSAGES, "Peers are told the quotas; people see what is used."),
    "registration.bound": Requirement(_HANDSHAKE, "The first success binds the registration to one instance."),
    "registration.twice": Requirement(_SCAN, "A company already connected from that address is found."),
    "rekey.cancelled": Requirement(_KEYS, "A cancelled re-keying leaves the connection suspended as it was."),
    "rekey.code": Requirement(_HANDSHAKE, "Re-keying demands the comparison code on both sides."),
    "rekey.complete": Requirement(_KEYS, "A re-keyed connection goes on as it was; what waited arrives once."),
    "rekey.crash": Requirement(_BARS, "A crash between any two steps of a re-keying leaves the connection, once."),
    "rekey.other": Requirement(_KEYS, "Only the connection's own company and instance can re-key it."),
    "rekey.suspended": Requirement(_KEYS, "Only what is suspended on both sides is re-keyed."),
    "rekey.third_party": Requirement("protocol.md", "A third party's implementation re-keys with ours."),
    "rekey.thief": Requirement(_KEYS, "An identity that was given up re-keys nothing, and signs nothing any more."),
    "restore.lies": Requirement(_CLONES, "Marks that cannot be true are refused."),
    "restore.receiver": Requirement(_CLONES, "What a restored side had received and lost is sent again, once."),
    "restore.resume": Requirement(_CLONES, "Comparing marks may break off between any two steps."),
    "restore.sender": Requirement(_CLONES, "A restored side never uses a number again that its peer knows."),
    "restore.silent": Requirement(_CLONES, "A restored side sends nothing before the marks were compared."),
    "restore.third_party": Requirement(_CLONES, "A third party's implementation compares its marks with ours."),
    "scan.certificate": Requirement(_SCAN, "A certificate about to end is found before, at the announcement, after."),
    "scan.complete": Requirement(_SCAN, "Every check of the scan's table is there, on the sides the table names."),
    "scan.leftovers": Requirement(_SCAN, "What earlier attempts have left is found on both sides."),
    "scan.heals": Requirement(_SCAN, "A failed validation goes on by itself when its cause is gone."),
    "task.announced": Requirement(_TASK, "After the announcement contact and address stay as they are."),
    "task.broken": Requirement(_TASK, "An open task whose precondition breaks fails, and goes on by itself."),
    "task.contact": Requirement(_TASK, "The contact is one of the company, at the start and later."),
    "task.link_told": Requirement(_TASK, "The link goes by mail, or is offered in the comments; it is never stored."),
    "task.one_open": Requirement(_TASK, "One open task per company and address; a closed one can be started again."),
    "task.reassigned": Requirement(_TASK, "Another contact or address voids the token."),
    "third_party": Requirement("protocol.md", "An implementation written from the page alone onboards and exchanges."),
    "third_party.goodbye": Requirement("protocol.md", "A goodbye reaches a third party's implementation."),
    "third_party.lies": Requirement("protocol.md, Bad input", "Every lie of the other side is refused by its code."),
    "token.confirmed": Requirement(_TOKEN, "Nothing is fetched before the provider's host is confirmed."),
    "token.expired": Requirement(_TOKEN, "An expired link does not announce; the task stays open."),
    "token.host": Requirement(_TOKEN, "A link for another host is not taken up."),
    "token.looking": Requirement(_TOKEN, "Looking at a link never uses it up."),
    "token.revoked": Requirement(_TOKEN, "Revoking and re-issuing make a link worthless."),
    "token.used": Requirement(_TOKEN, "A used link begins nothing new."),
}
