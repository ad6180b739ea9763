"""The live models over HTTP, as JSON, and a page that shows what arrives.

`GET /v1/live` lists the models. `GET /v1/live/{model}` returns rows; a parameter that is a column's
name keeps the rows with that value, `limit` so many of them. `GET /health` says what the present
rests on. `GET /` is the page.
"""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from serving.live.service import LIMIT, Live, Unknown, Withdrawn

BEHIND_S = 60
"""The present is not the present any more after so long."""
DIGITS = 9


def application(live: Live, page_file: Path | None) -> Starlette:
    """Return what answers requests; without a page there is none at `/`."""

    async def page(request: Request) -> Response:
        return FileResponse(page_file) if page_file else _json({"see": "/v1/live"}, 404)

    async def health(request: Request) -> Response:
        behind_s, trouble = round(live.behind_s, 1), live.trouble
        told = {"generation": live.generation, "behind_s": behind_s, "trouble": trouble}
        return _json(told, 503 if trouble or behind_s > BEHIND_S else 200)

    async def models(request: Request) -> Response:
        return _json(
            {
                "models": [
                    {"name": one.name, "description": one.description, "columns": one.columns}
                    for one in live.models
                ]
            }
        )

    async def rows(request: Request) -> Response:
        wanted = dict(request.query_params)
        limit = wanted.pop("limit", str(LIMIT))
        if not limit.isdecimal() or len(limit) > DIGITS:
            return _json({"error": f"limit is {limit!r}: write a number."}, 400)
        name = request.path_params["model"]
        try:
            found = await anyio.to_thread.run_sync(live.ask, name, wanted, int(limit))
        except Unknown as error:
            return _json({"error": str(error)}, 404)
        except Withdrawn as error:
            return _json({"error": str(error)}, 503)
        return _json({"generation": live.generation, "rows": found})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/health", health),
            Route("/v1/live", models),
            Route("/v1/live/{model}", rows),
        ]
    )


def _json(content: object, status: int = 200) -> Response:
    body = orjson.dumps(content, default=str)
    headers = {"Cache-Control": "no-store"}
    return Response(body, status, headers, media_type="application/json")
