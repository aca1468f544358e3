"""A request that is not answered as asked: with which HTTP status, and why."""

from http import HTTPStatus


class RefusedError(Exception):
    """Becomes an answer with this status, and the message for whoever asked."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def wrong(message: str) -> RefusedError:
    """The request itself is wrong."""
    return RefusedError(HTTPStatus.BAD_REQUEST, message)


def unknown(message: str) -> RefusedError:
    """There is no such thing."""
    return RefusedError(HTTPStatus.NOT_FOUND, message)


def taken(message: str) -> RefusedError:
    """There is one already."""
    return RefusedError(HTTPStatus.CONFLICT, message)
