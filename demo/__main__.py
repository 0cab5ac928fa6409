"""``make demo``: two services, three customers, one onboarding, thousands of real incidents, and the proof."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo import exchange, people, story
from demo.incidents import DATA, real
from demo.mailbox import Mailbox
from demo.processes import Service, free_port, fresh_home
from demo.story import Stage

PORT = int(os.environ.get("DEMO_PORT", "8000"))
"""Where the provider listens if nobody else does; the consumer and the mail catcher stand beside it. 0: anywhere."""

EVENTS = int(os.environ.get("DEMO_EVENTS", "6000"))
"""Events of real incidents that cross, at least."""


def main() -> int:
    """Play the story; stay on stage afterwards unless ``DEMO_EXIT=1``."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended like that, it clears up as after Ctrl+C
    leaves = os.environ.get("DEMO_EXIT") == "1"
    voice = Console(stderr=leaves, highlight=False, width=None if sys.stdout.isatty() else 120)
    home = fresh_home()
    mailbox = Mailbox(free_port(PORT and PORT + 25))
    services: list[Service] = []
    try:
        stage = _curtain(voice, mailbox, services)
        facts = _play(stage)
        _final(stage, facts)
        if leaves:
            print(json.dumps(facts), flush=True)
            return 0
        return _stay(stage)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        voice.print(f"[bold red]The demo could not go on[/bold red]: {error}\nLogs and databases are in {home}.")
        if os.environ.get("DEMO_DEBUG"):
            raise
        return 1
    finally:
        for service in services:
            service.stop()
        mailbox.stop()


def _curtain(voice: Console, mailbox: Mailbox, services: list[Service]) -> Stage:
    voice.rule("[bold]Service Exchange: the demonstration")
    provider_port, consumer_port = free_port(PORT), free_port(PORT and PORT + 1)
    addresses = f"http://127.0.0.1:{provider_port} http://127.0.0.1:{consumer_port}"
    common = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mailbox.port),
        "SMTP_SECURITY": "none",
        "ALLOWED_ORIGINS": addresses,
    }
    for module, port, (email, password) in (
        ("provider_service", provider_port, story.ADMIN),
        ("consumer_service", consumer_port, story.CONSUMER_ADMIN),
    ):
        settings = {**common, "FIRST_ADMIN_EMAIL": email, "FIRST_ADMIN_PASSWORD": password}
        services.append(Service(module, module.split("_", maxsplit=1)[0], port, settings))
    for service in services:
        service.wait_ready()
    return Stage(services[0], services[1], mailbox, voice)


def _play(stage: Stage) -> dict[str, Any]:
    stage.chapter("1  Two organisations")
    admin, provider = story.sign_in(stage.provider, *story.ADMIN)
    customer, consumer = story.sign_in(stage.consumer, *story.CONSUMER_ADMIN)
    companies = story.set_up(stage, provider, consumer)
    stage.chapter("2  A registration that fails validation, and goes on by itself")
    number = story.register(stage, provider, companies)
    stage.chapter("3  Link, checks, consent, keys")
    onboarded = story.onboard(stage, customer, consumer, number)
    registration = story.wait_until(
        "the registration is complete", lambda: story.complete(provider.get(f"/api/v1/registrations/{number}"))
    )
    stage.say("[green]Closed Complete[/green] at the provider, [green]Onboarded[/green] at the consumer")
    stage.chapter("4  Real incidents, in both directions")
    if not real():
        stage.voice.print(f"[bold yellow]Notice: {DATA} is not there; made-up incidents cross instead of real ones.")
    began = time.monotonic()
    with _progress(stage.voice) as progress:
        sent = exchange.run(provider, consumer, str(onboarded["connection_id"]), EVENTS, progress)
    seconds = time.monotonic() - began
    stage.chapter("5  People who register themselves")
    registered = people.register_themselves(stage, provider, consumer, companies[1], str(onboarded["connection_id"]))
    stage.chapter("6  The proof")
    found = _verify(stage)
    for browser in (admin, customer):
        browser.close()
    return {
        "registration": registration,
        "connection": onboarded["state"],
        "records_sent": found["sent"],
        "records_applied": found["applied"],
        "records_per_second": round(sent / seconds, 1),
        "seconds": round(time.monotonic() - stage.began, 1),
        **registered,
        "provider_db": str(stage.provider.database),
        "consumer_db": str(stage.consumer.database),
    }


def _progress(voice: Console) -> Progress:
    columns = (TextColumn("{task.description:>22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=voice, transient=not voice.is_terminal)


def _verify(stage: Stage) -> dict[str, Any]:
    script = Path(__file__).with_name("verify.py")
    databases = [str(stage.provider.database), str(stage.consumer.database)]
    done = subprocess.run([sys.executable, str(script), *databases], capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"faults": [done.stderr]}
    if found["faults"]:
        raise RuntimeError("The proof failed: " + "; ".join(map(str, found["faults"])))
    stage.say("A script that knows only the tables has read both databases: nothing lost, nothing twice, all in order")
    return found | {"seconds": 0}


def _final(stage: Stage, facts: dict[str, Any]) -> None:
    table = Table(title="What happened", show_header=False)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _spelled(value))
    stage.voice.print(table)


def _spelled(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {name}" for name, count in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _stay(stage: Stage) -> int:
    table = Table("Console", "Address", "E-mail", "Password", title="Both consoles are running; Ctrl+C ends them")
    table.add_row("Provider", stage.provider.url, *story.ADMIN)
    table.add_row("Provider, as contact", stage.provider.url, *story.CONTACT[1:])
    table.add_row("Consumer", stage.consumer.url, *story.CONSUMER_ADMIN)
    stage.voice.print(table)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        stage.voice.print("Goodbye.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
