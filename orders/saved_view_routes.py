"""Saved views over HTTP: each person has their own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field, StringConstraints

from access import guards
from access.idempotency import keyed
from foundation.contract import Answer, Body, Id, example, example_of, typed
from foundation.documentation import documented
from foundation.errors import InvalidRequest
from foundation.one_line import CHECKED, SHOWN
from orders import listing, saved_views
from orders.list_schemas import SortedOrderFilters
from orders.saved_views import DuplicateView, TooManyViews
from orders.workflow import Workflow

JSON = "application/json"
TAG = {"name": "Saved views", "description": "Filters of the list of orders under a name; each person has their own."}

LATE = {"status": "PENDING,CONFIRMED", "sort": "oldest"}

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True), CHECKED, SHOWN]


class ViewPath(pydantic.BaseModel):
    """A saved view."""

    view_id: Annotated[Id, Field(description="The view's id.", examples=[1])]


class CreateViewRequest(Body):
    """A view to save."""

    model_config = example(name="To be packed", filters=LATE)

    name: Name
    filters: SortedOrderFilters


class ChangeViewRequest(Body):
    """What to change; a member that is missing stays as it is."""

    model_config = example(name="To be packed today")

    name: Name | None = None
    filters: SortedOrderFilters | None = None


class SavedView(Answer):
    """A view: send its `filters` as parameters of `GET /api/orders`."""

    model_config = example(
        id=1,
        name="To be packed",
        filters=LATE,
        created_at="2026-11-24T09:30:00.123456+00:00",
        updated_at="2026-11-24T09:30:00.123456+00:00",
    )

    id: Id
    name: str
    filters: SortedOrderFilters
    created_at: datetime
    updated_at: datetime


class SavedViewList(Answer):
    """Your views, by name."""

    model_config = example(views=[example_of(SavedView)])

    views: list[SavedView]


def blueprint(workflow: Workflow) -> APIBlueprint:
    """The routes of views."""
    routes = APIBlueprint("views", __name__, abp_tags=[TAG])
    guards.protect(routes, area="orders")
    _add_reading(routes)
    _add_writing(routes, workflow)
    return routes


def _add_reading(routes: APIBlueprint) -> None:
    @routes.get("/api/views", summary="List your saved views", **documented(SavedViewList))
    @typed
    def list_views() -> Response:
        """Those of the person who signed in; of a token or a key, those of its role and id."""
        return Response(f'{{"views":{saved_views.own(guards.current())}}}', content_type=JSON)


def _add_writing(routes: APIBlueprint, workflow: Workflow) -> None:
    @routes.post("/api/views", summary="Save a view", **documented(SavedView, DuplicateView, TooManyViews, status=201))
    @typed
    @keyed
    def create_view(body: CreateViewRequest) -> Response:
        """The filters and the sort order of a list, under a name."""
        filters = _checked(workflow, body.filters)
        return Response(saved_views.add(guards.current(), body.name, filters), 201, content_type=JSON)

    @routes.patch("/api/views/<int:view_id>", summary="Change a saved view", **documented(SavedView, DuplicateView))
    @typed
    @keyed
    def change_view(path: ViewPath, body: ChangeViewRequest) -> Response:
        """Its name, its filters (all of them), or both."""
        if body.name is None and body.filters is None:
            raise InvalidRequest("Give name, filters or both.")
        filters = _checked(workflow, body.filters) if body.filters else None
        return Response(saved_views.change(guards.current(), path.view_id, body.name, filters), content_type=JSON)

    @routes.delete("/api/views/<int:view_id>", summary="Delete a saved view", **documented(None, status=204))
    @typed
    def delete_view(path: ViewPath) -> Response:
        """It is gone at once."""
        saved_views.remove(guards.current(), path.view_id)
        return Response(status=204)


def _checked(workflow: Workflow, filters: SortedOrderFilters) -> dict[str, object]:
    """The filters as they are stored; raises InvalidRequest if a list could not have them."""
    listing.check_wanted(workflow, guards.current(), filters.wanted())
    return filters.model_dump(mode="json", exclude_unset=True)
