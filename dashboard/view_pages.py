"""The forms of saved views: save the filters of a list, save them anew, rename and delete a view."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pydantic
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards
from dashboard.auth_pages import too_old
from dashboard.context import PageContext
from dashboard.list_page import filters_of, given_by
from dashboard.pages import protect
from foundation.contract import LARGEST_ID
from foundation.errors import AppError, InvalidRequest
from foundation.languages import N_, gettext
from orders import listing, saved_views
from orders.list_schemas import SortedOrderFilters
from orders.saved_view_routes import CreateViewRequest
from orders.saved_views import DuplicateView, TooManyViews

NOT_SAVED = (InvalidRequest, DuplicateView, TooManyViews)
VIEW_ID = f"<int(min=1, max={LARGEST_ID}):view_id>"


def blueprint(context: PageContext) -> Blueprint:
    """`/views`, where the forms of the list are posted to; they lead back to a list."""
    forms = Blueprint("view_pages", __name__)
    protect(forms, context)
    forms.register_error_handler(CSRFError, too_old)

    @forms.post("/views")
    def save_view() -> ResponseReturnValue:
        try:
            name, filters = _name(), _filters(context)
            saved_views.add(guards.current(), name, filters)
        except NOT_SAVED as error:
            return _back(context, given_by(_shown()), error)
        flash(gettext("View “%(name)s” is saved.", name=name))
        return _back(context, filters)

    @forms.post(f"/views/{VIEW_ID}")
    def change_view(view_id: int) -> ResponseReturnValue:
        given = given_by(_shown())
        if request.form.get("do") == "delete":
            saved_views.remove(guards.current(), view_id)
            flash(gettext("The view is deleted."))
            return _back(context, given)
        try:
            filters = _filters(context) if request.form.get("do") == "save" else None
            saved = orjson.loads(saved_views.change(guards.current(), view_id, _name(), filters))
        except NOT_SAVED as error:
            return _back(context, given, error)
        flash(gettext("View “%(name)s” is saved.", name=saved["name"]))
        return _back(context, saved["filters"])

    return forms


def _shown() -> str:
    """The parameters of the list that the form stands on."""
    return request.form.get("list", "")


def _name() -> str:
    try:
        return CreateViewRequest(name=request.form.get("name", ""), filters=SortedOrderFilters.model_validate({})).name
    except pydantic.ValidationError as error:
        raise InvalidRequest(N_("Give the view a name of up to 100 characters, on one line.")) from error


def _filters(context: PageContext) -> dict[str, Any]:
    """Those of the list, as the API stores them; raises InvalidRequest if a list could not have them."""
    filters = filters_of(given_by(_shown()))
    listing.check_wanted(context.workflow, guards.current(), filters.wanted())
    return filters.model_dump(mode="json", exclude_unset=True)


def _back(context: PageContext, given: dict[str, Any], refused: AppError | None = None) -> ResponseReturnValue:
    if refused:
        flash(gettext(refused.detail), "error")
    query = urlencode({name: str(one).lower() if isinstance(one, bool) else one for name, one in given.items()})
    home = context.view(guards.current().role).home
    return redirect(f"{home}/list" + (f"?{query}" if query else ""), 303)
