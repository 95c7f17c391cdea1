"""Templates of pipeline specs over gRPC."""

from __future__ import annotations

from google.protobuf import json_format

from trunkline.api.dispatch import Call
from trunkline.kernel.errors import InvalidRequest
from trunkline.pps.pps import Pps
from trunkline.wire import pps_pb2


class TemplateCalls:
    """The RPC of templates."""

    _pps: Pps

    def RenderTemplate(self, request: pps_pb2.RenderTemplateRequest, call: Call) -> pps_pb2.RenderTemplateResponse:
        """What a Jsonnet template makes of its arguments."""
        made = self._pps.templates.render(request.template, request.args)
        answer = pps_pb2.RenderTemplateResponse(json=made.text)
        for spec in made.specs:
            try:
                json_format.ParseDict(spec, answer.specs.add())
            except json_format.ParseError as error:
                reason = " ".join(str(error).split())
                raise InvalidRequest(f"template makes no spec of a pipeline: {reason}") from None
        return answer
