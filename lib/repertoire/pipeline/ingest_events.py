"""Stage: files become events."""

from types import SimpleNamespace

from repertoire.errors import InputError
from repertoire.events.ingest import read_events
from repertoire.events.input_files import list_files
from repertoire.pipeline.stage import Inputs, Merge, Outputs, RunContext, Stage
from repertoire.tables import EVENTS, INGESTED_FILES, ITEMS, REJECTED_EVENTS, USERS

def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    files = list_files(context.spark, settings.ingest.events)
    got = read_events(context.spark, files, settings.ingest, run_date=context.run_date, timezone=settings.run.timezone, scratch=context.scratch, known_event_ids=None)
    for n in got.notes: context.say(n)
    for c in got.counts: context.say(str(c))
    return Outputs({EVENTS: Merge(got.accepted, got.event_dates), REJECTED_EVENTS: got.rejected})

STAGE = Stage(name="ingest_events", about="", run=run, reads_if_there=(EVENTS,ITEMS,USERS,INGESTED_FILES), writes=(EVENTS,REJECTED_EVENTS), settings=("ingest","run"), takes_files=True)
