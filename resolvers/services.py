"""Pages of services, which are ordered by name."""

from db.model.services import SERVICES
from db.queries import cursors
from db.queries.conditions import Condition
from db.queries.listings import Listing, Order, PageRange
from resolvers import pages
from resolvers.operation_context import OperationContext
from resolvers.pages import LazyPage, PageArguments

BY_NAME = (Order(SERVICES.key, descending=False),)


def page(
    ctx: OperationContext, where: Condition, arguments: PageArguments, *, look_ahead: bool
) -> LazyPage:
    """Raises BadRequest for arguments that are out of range, and for a bad cursor."""
    after, before = (
        None if cursor is None else cursors.decode(ctx.cursor_key, SERVICES, BY_NAME, cursor)
        for cursor in (arguments.after, arguments.before)
    )
    page_range = PageRange(
        BY_NAME, pages.size(ctx, arguments), arguments.last is not None, after, before
    )
    listing = Listing(SERVICES, None, where, live=True)
    return LazyPage(ctx, listing, page_range, None, look_ahead=look_ahead)
