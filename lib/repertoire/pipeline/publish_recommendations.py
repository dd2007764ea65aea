"""Stage: the gate, then the lists go live."""

from types import SimpleNamespace
from typing import Any

from repertoire.errors import GateRefusedError
from repertoire.evaluation.gate import refusals
from repertoire.pipeline.live_publication import live_publication
from repertoire.pipeline.stage import Inputs, Outputs, Publication, RunContext, Stage
from repertoire.tables import METRICS, PUBLICATIONS, RECOMMENDATIONS


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    metrics = inputs.rows(METRICS)
    live = live_publication(inputs.rows_now(PUBLICATIONS))
    counts = {
        row["metric"]: row["value"] for row in metrics if row["stage"] == "rank_recommendations" and row["k"] == 0
    }
    users, rows, eligible = (int(counts.get(name, 0)) for name in ("users", "rows", "eligible_items"))
    refused = refusals(
        [row for row in metrics if row["stage"] == "evaluate_offline" and row["segment"] is None],
        settings.gate,
        users=users,
        rows=rows,
        top_k=min(settings.ranking.top_k, eligible),
        coverage=counts.get("items_shown", 0.0) / eligible if eligible else 0.0,
        live_users=live["users"] if live else None,
    )
    if refused:
        raise GateRefusedError(
            f"the gate refused the lists of {context.run_date}; what was live stays live:\n  " + "\n  ".join(refused)
        )
    version = inputs.versions[RECOMMENDATIONS.name]
    if live and live["run_date"] > context.run_date:
        context.say(f"the lists of {live['run_date']} are live and newer: those of {context.run_date} stay unpublished")
        return Outputs()
    same = live and live["run_date"] == context.run_date and live["table_version"] == version
    row = live if same else _row(context, version, users, rows, metrics)
    assert row is not None
    context.say(f"live: {row['users']:,} lists of {row['run_date']}, {row['rows']:,} rows")
    return Outputs(publication=Publication(row, inputs.frame(RECOMMENDATIONS)))


def _row(context: RunContext, version: Any, users: int, rows: int, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    name = f"{context.now:%Y%m%dT%H%M%S%f}-{context.run_date}"
    return {
        "published_at": context.now,
        "publication_id": name,
        "export": name,
        "action": "publish",
        "run_date": context.run_date,
        "run_id": context.run_id,
        "table_version": version,
        "rows": rows,
        "users": users,
    }


STAGE = Stage(
    name="publish_recommendations",
    about="the gate, then the pointer and the export",
    run=run,
    reads=(RECOMMENDATIONS, METRICS),
    reads_if_there=(PUBLICATIONS,),
    writes=(PUBLICATIONS,),
    settings=("gate", "ranking", "publication"),
)
