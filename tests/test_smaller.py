"""An incident with a topology of thousands behind it still is a record that every broker takes."""

import json

import msgspec
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from crosstide.docs import ROOT
from models.incident import IncidentEvent
from models.smaller import LIMIT, encoded
from tests.correlate_cases import BUSY, SLOW, Run


def an_incident() -> IncidentEvent:
    run = Run("checkout")
    run.go(6)
    return run.go(4, SLOW, BUSY)[0]


def with_callers(count: int) -> IncidentEvent:
    event = an_incident()
    names = [f"caller-{at:05}-{'x' * 150}" for at in range(count)]
    data = replace(
        event.data,
        summary=f"{event.data.summary} Callers suffering with it: {', '.join(names)}.",
        impact=replace(event.data.impact, services=[*event.data.impact.services, *names]),
        grouping=replace(event.data.grouping, members=names),
    )
    return replace(event, data=data)


def test_an_incident_of_usual_size_is_encoded_as_it_is() -> None:
    assert encoded(an_incident()) == msgspec.json.encode(an_incident())


def test_an_incident_with_ten_thousand_callers_is_shortened_says_so_and_is_still_of_the_schema() -> None:
    data = encoded(with_callers(10_000))
    assert len(data) <= LIMIT
    event = json.loads(data)
    assert event["data"]["anomalies_truncated"] is True
    assert "shortened: 1000" in event["data"]["summary"]
    assert 0 < len(event["data"]["impact"]["services"]) < 10_000
    schema = json.loads((ROOT / "schemas" / "incident.json").read_text())
    Draft202012Validator(schema).validate(event)


def test_what_is_left_is_the_beginning_whatever_the_limit() -> None:
    event = json.loads(encoded(with_callers(3_000), limit=20_000))
    assert event["data"]["impact"]["services"][0] == an_incident().data.impact.services[0]
    assert event["id"] == an_incident().id
