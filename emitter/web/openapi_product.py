"""The app's own operations over its world, as our OpenAPI document describes them: what is answered here."""

from __future__ import annotations

from emitter.vendor import OPERATIONS
from emitter.vendor.rights import WORDS
from emitter.web.openapi_schemas import (
    ANYTHING,
    COUNT,
    MOMENT,
    TEXT,
    UUID,
    WHOLE,
    YES_NO,
    Schema,
    answer,
    asked,
    described,
    many,
    maybe,
    ref,
)  # fmt: skip
from emitter.web.operation import Operation
from emitter.world.periods import UNITS

_PRODUCT, _REQUEST = "/api/data-product", "/api/access-request"
_STATUSES = ("APPROVED", "CANCELED", "DENIED", "PENDING", "NONE", "PUBLISHER", "REVOKED", "EXPIRED")
_RECORD_STATUSES = ("APPROVED", "BLOCKED", "CANCELED", "DENIED", "PENDING")
_STATUS: Schema = {"type": "string", "enum": list(_STATUSES)}
_RECORD_STATUS: Schema = {"type": "string", "enum": list(_RECORD_STATUSES)}
_TYPE: Schema = {"type": "string", "enum": ["DATA_ACCESS", "MASKING_EXCEPTION"]}
_UNIT: Schema = {"type": "string", "enum": list(UNITS)}
_ORDER: Schema = {"type": "string", "enum": ["asc", "desc"]}
_SORTS = ("status", "dataProduct", "createdAt", "updatedAt", "expiration")
_SEARCH = (
    "searchText", "requestStatus", "requestType", "userIds", "includeTemporary", "expiration", "dataProductId",
    "assetId", "assetType", "targetType", "reviewStatus", "offset", "pageLimit", "newestFirst", "requestSort",
)  # fmt: skip
_SOME_ID = "cm4x7k2p90001l8084q2g5h1d"
_USER = "0d9b6f1e-52e4-4a3f-8d20-6a2b9f1c7e44"
_NEW = {
    "name": "US East Customers", "metadata": None, "domains": [_USER], "dataSources": [{"sourceId": "101"}],
    "dataAccessPolicy": {
        "rules": [],
        "defaultEvent": {"type": "review", "params": {"stages": [{"any": [{"type": "USER", "id": _USER}]}]}},
    },
}  # fmt: skip


def _operation(id: str, summary: str, answers: str = "", status: int = 200, **more: object) -> Operation:
    """An operation; one that is not for everybody may answer 403, and says for whom it is."""
    allowed = " or ".join(WORDS[role] for role in OPERATIONS[id])
    return Operation(id, f"{summary} (for {allowed})", answers, status, **more)  # type: ignore[arg-type]  # its fields


WORLD_PRODUCT: dict[tuple[str, str], Operation] = {
    ("GET", _PRODUCT): _operation(
        "searchDataProducts", "Search data products", "PaginatedDataProduct",
        query=("nextToken", "tokenLimit", "order", "sortByName", "nameFilter", "statusFilter", "roleFilter",
               "expiration"),
    ),
    ("POST", _PRODUCT): _operation(
        "createDataProduct", "Publish a data product", "DataProduct", 201, reads="CreateDataProduct", example=_NEW,
        errors=(404, 409),
    ),
    ("GET", _PRODUCT + "/{id}"): _operation("getDataProductById", "One data product", "DataProduct"),
    ("PUT", _PRODUCT + "/{id}"): _operation(
        "updateDataProduct", "Change a data product", "DataProduct", reads="UpdateDataProduct",
        example={"description": "All of them.", "suspended": False}, errors=(409,),
    ),
    ("DELETE", _PRODUCT + "/{id}"): _operation("deleteDataProduct", "Delete a data product", errors=(409,), media=()),
    ("GET", _PRODUCT + "/{name}/byName"): _operation(
        "getDataProductByName", "The data product of this name", "DataProduct"
    ),
    ("PUT", _PRODUCT + "/{id}/datasources"): _operation(
        "updateDataSources", "Replace the data sources of a data product", "DataProduct", reads="UpdateDataSources",
        example={"dataSources": [{"sourceId": "101"}]}, errors=(409,),
    ),
    ("GET", _PRODUCT + "/{id}/datasources"): _operation(
        "searchDataSources", "Search the data sources of a data product", "PaginatedDataSourceWithStatus",
        query=("nextToken", "tokenLimit", "sourceUser", "nameFilter"),
    ),
    ("GET", _PRODUCT + "/{id}/datasources/all"): _operation(
        "getAllDataSources", "All data sources of a data product", "AllDataSources"
    ),
    ("GET", _PRODUCT + "/{id}/columns"): _operation(
        "searchDataProductColumns", "Search the columns of a data product", "PaginatedImmutaDataSourceColumns",
        query=("offset", "pageLimit", "order", "searchText", "maskedOnly", "tagIds", "dir", "dataSourceIds"),
    ),
    ("GET", _PRODUCT + "/{id}/request-forms"): _operation(
        "getRequestForms", "The request forms of a data product", "DataProductRequestForm", is_list=True
    ),
    ("GET", _PRODUCT + "/{id}/recent-determinations"): _operation(
        "recentDeterminations", "What was determined lately", "RecentDeterminations", query=("oneRequestType",)
    ),
    ("GET", _PRODUCT + "/{id}/request"): _operation(
        "searchDataProductAccessRequests", "Search the access requests for a data product", "PaginatedAccessRequest",
        query=_SEARCH,
    ),
    ("GET", _PRODUCT + "/{id}/members"): _operation(
        "searchDataProductMembers", "Search the approved requests for a data product", "PaginatedAccessRequest",
        query=tuple(each for each in _SEARCH if each != "includeTemporary"),
    ),
    ("POST", _PRODUCT + "/{id}/request"): _operation(
        "requestAccess", "Ask for access", "HydratedAccessRequest", 201, reads="CreateAccessRequest",
        example={"user": _USER, "form": {"reason": "Quarterly churn analysis"}}, errors=(409,),
    ),
    ("POST", _PRODUCT + "/{id}/request/masking-exception"): _operation(
        "requestMaskingException", "Ask to see masked columns", "HydratedAccessRequest", 201,
        reads="CreateMaskingExceptionRequest", errors=(409,),
        example={"user": _USER, "columns": [{"columnName": "email", "sourceId": "101"}]},
    ),
    ("DELETE", _PRODUCT + "/{id}/request/{requestId}"): _operation(
        "revokeAccess", "Take granted access away", status=204, errors=(409,)
    ),
    ("GET", _REQUEST): _operation(
        "searchAccessRequests", "Search access requests", "PaginatedAccessRequest", query=(*_SEARCH, "requestRole")
    ),
    ("GET", _REQUEST + "/approved-masking-exception-columns"): _operation(
        "getApprovedMaskingExceptionColumns", "The columns that a user sees unmasked", "ExceptionColumn", is_list=True,
        query=("userId",), errors=(404,),
    ),
    ("GET", _REQUEST + "/{id}"): _operation("getAccessRequestById", "One access request", "HydratedAccessRequest"),
    ("DELETE", _REQUEST + "/{id}"): _operation(
        "cancelAccessRequest", "Cancel a pending access request", status=204, errors=(409,)
    ),
    ("GET", _REQUEST + "/{id}/records"): _operation(
        "getAccessRequestRecords", "The approval records of an access request", "ApprovalRecords"
    ),
    ("GET", _REQUEST + "/{id}/risk-assessment"): _operation(
        "getRiskAssessment", "The risk of an access request, which is never known here", "RiskAssessment"
    ),
    ("GET", _REQUEST + "/{id}/masking-exception-columns"): _operation(
        "searchAccessRequestMaskingExceptionColumns", "The columns that a masking exception is asked for",
        "PaginatedMaskingExceptionColumns", query=("offset", "pageLimit"),
    ),
    ("PUT", "/api/approval-record/{id}"): _operation(
        "updateApprovalRecord", "Approve or deny", "ApprovalRecord", reads="UpdateApprovalRecordRequest",
        example={"status": "APPROVED", "duration": 30, "durationUnit": "DAYS"}, errors=(409,),
    ),
    ("GET", "/api/auth/user"): _operation("user", "The caller", "UserWithPermissions"),
}  # fmt: skip

PRODUCT_PARAMETERS: dict[str, tuple[str, Schema, str]] = {
    "nextToken": ("nextToken", TEXT, "`meta.nextToken` of the page before."),
    "tokenLimit": ("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}, ""),
    "order": ("sortOrder", {**_ORDER, "default": "asc"}, ""),
    "newestFirst": ("sortOrder", {**_ORDER, "default": "desc"}, ""),
    "dir": ("dir", {"type": "string", "enum": ["ASC", "DESC"], "default": "ASC"}, "As `sortOrder`."),
    "sortByName": ("sortBy", {"type": "string", "enum": ["name"]}, "Left out, in order of publishing."),
    "requestSort": ("sortBy", {"type": "string", "enum": list(_SORTS), "default": "createdAt"}, ""),
    "nameFilter": ("nameFilter", TEXT, "A part of the name; case is ignored."),
    "statusFilter": ("statusFilter", many(_STATUS), "The caller's standing."),
    "roleFilter": ("roleFilter", many({"type": "string", "enum": ["manager", "member", "noRole", "steward"]}), ""),
    "expiration": ("expiration", YES_NO, "Whether access has an end."),
    "sourceUser": ("user", UUID, "Whose status is shown; left out, the caller's."),
    "searchText": ("searchText", TEXT, "A part of a name; case is ignored."),
    "maskedOnly": ("maskedOnly", YES_NO, ""),
    "tagIds": ("tagIds", many(TEXT), "Tags, by name."),
    "dataSourceIds": ("dataSourceIds", many(TEXT), ""),
    "requestStatus": ("status", many(_STATUS), ""),
    "requestType": ("type", many(_TYPE), ""),
    "oneRequestType": ("type", {**_TYPE, "default": "DATA_ACCESS"}, ""),
    "userIds": ("userIds", many(TEXT), "Who is to get access."),
    "includeTemporary": ("includeTemporary", YES_NO, "Hides nothing, unless `api.include_temporary` says otherwise."),
    "dataProductId": ("dataProductId", {**TEXT, "pattern": "^(c[a-z0-9]{7,31}|[0-9a-f-]{36})$"}, ""),
    "assetId": ("assetId", UUID, "There are no assets here."),
    "assetType": ("assetType", many({"type": "string", "enum": ["DATA_PRODUCT", "DATA_OBJECT"]}), ""),
    "targetType": ("targetType", many(TEXT), "DATA_PRODUCT or COLUMNS."),
    "reviewStatus": (
        "reviewStatus",
        many({"type": "string", "enum": ["noReviews", "reviewedByYou", "awaitingReviewFromYou"]}), "",
    ),
    "requestRole": ("role", many({"type": "string", "enum": ["requestor", "manager", "steward"]}), "The caller's."),
    "userId": ("userId", TEXT, "Needed."),
}  # fmt: skip

_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
_PERSON = {
    "id": WHOLE, "iamId": TEXT, "globalUserId": TEXT, "username": TEXT, "name": TEXT, "email": maybe(TEXT),
    "authorizations": ANYTHING,
}  # fmt: skip
_EXPERT = answer({"id": UUID, "username": TEXT, "name": TEXT}, optional=("username", "name"))
_POLICY = described(ANYTHING, "`rules` and a `defaultEvent`: review by stages, approve, or (in a rule) deny.")
_META = answer(
    {"offset": COUNT, "limit": COUNT, "totalCount": COUNT, "pageCount": COUNT, "currentPage": COUNT,
     "totalPages": COUNT}
)  # fmt: skip
_SOURCES = many(asked({"sourceId": TEXT}, required=("sourceId",), closed=False), maxItems=1000)
_EXCEPTION = answer({"columnName": TEXT, "sourceId": TEXT})
_EDITABLE = {
    "description": maybe({"type": "string", "maxLength": 20_000}),
    "metadata": maybe(asked({"subjectMatterExpert": asked({"id": UUID, "username": TEXT, "name": TEXT},
                                                          required=("id",), closed=False)},
                            required=("subjectMatterExpert",), closed=False)),
    "domains": many(TEXT, minItems=1),
    "dataAccessPolicy": _POLICY, "maskingExceptionPolicy": _POLICY,
    "dataAccessReviewFlow": _POLICY, "maskingExceptionReviewFlow": _POLICY,
    "requestFormId": UUID, "dataAccessRequestFormId": UUID, "maskingExceptionRequestFormId": UUID,
}  # fmt: skip
_COLUMN = {
    "name": TEXT, "sourceId": TEXT, "sourceName": TEXT, "tags": many(TEXT), "type": TEXT,
    "globalPolicyInfo": maybe(ANYTHING),
}  # fmt: skip
_RECORD = {
    "id": TEXT, "dataAccessRequestId": TEXT, "approvers": many(ANYTHING), "prerequisites": many(TEXT),
    "actionBy": ref("ImmutaUser"), "status": _RECORD_STATUS, "reason": TEXT, "createdAt": MOMENT, "updatedAt": MOMENT,
    "approverCriteriaMet": maybe(many(ANYTHING)), "duration": maybe(COUNT), "durationUnit": maybe(TEXT),
}  # fmt: skip


def _page(items: Schema) -> Schema:
    return answer({"data": many(items), "meta": _META})


def _token_page(items: Schema) -> Schema:
    return answer({"data": many(items), "meta": answer({"nextToken": maybe(TEXT), "limit": COUNT})})


PRODUCT_SCHEMAS: dict[str, Schema] = {
    "ImmutaUser": answer(_PERSON),
    "DataProduct": answer(
        {
            "id": TEXT, "name": _NAME, "description": maybe(TEXT), "domains": many(TEXT), "suspended": YES_NO,
            "createdBy": TEXT, "createdAt": MOMENT, "updatedAt": MOMENT, "stats": ANYTHING, "sourceTypes": many(TEXT),
            "metadata": maybe(answer({"subjectMatterExpert": _EXPERT})), "dataAccessPolicy": _POLICY,
            "maskingExceptionPolicy": _POLICY,
            "status": described(_STATUS, "The caller's standing."), "expiration": maybe(MOMENT), "requestId": TEXT,
        },
        optional=("status", "expiration", "requestId"),
    ),
    "PaginatedDataProduct": _token_page(ref("DataProduct")),
    "CreateDataProduct": asked(
        {"name": _NAME, **_EDITABLE, "id": UUID, "dataSources": _SOURCES}, closed=False,
        required=("name", "metadata", "domains", "dataSources"),
    ),
    "UpdateDataProduct": asked({"name": _NAME, **_EDITABLE, "suspended": YES_NO}, closed=False),
    "UpdateDataSources": asked({"dataSources": _SOURCES}, required=("dataSources",), closed=False),
    "AllDataSources": answer({"dataSources": many(answer({"sourceId": TEXT}))}),
    "PaginatedDataSourceWithStatus": _token_page(answer(
        {
            "id": TEXT, "name": TEXT, "type": TEXT, "sourceId": TEXT, "hostname": maybe(TEXT), "database": maybe(TEXT),
            "schema": maybe(TEXT), "table": maybe(TEXT), "prefix": maybe(TEXT),
            "status": {"type": "string", "enum": ["NONE", "RESTRICTED", "SUBSCRIBED"]},
        }
    )),
    "PaginatedImmutaDataSourceColumns": _page(answer({**_COLUMN, "localPolicyInfo": maybe(ANYTHING)})),
    "PaginatedMaskingExceptionColumns": _page(answer(_COLUMN)),
    "ExceptionColumn": _EXCEPTION,
    "DataProductRequestForm": answer(
        {
            "id": UUID, "name": TEXT, "fields": many(ANYTHING), "policy": _POLICY, "dataUseAgreements": many(ANYTHING),
            "createdBy": ANYTHING, "createdAt": MOMENT, "updatedBy": ANYTHING, "updatedAt": MOMENT, "version": TEXT,
            "requestType": _TYPE,
        }
    ),
    "RecentDeterminations": answer({"determinations": many(answer(
        {
            "id": TEXT, "requestingUser": ref("ImmutaUser"), "user": ref("ImmutaUser"),
            "actionBy": ref("ImmutaUser"), "reason": TEXT, "status": _RECORD_STATUS, "createdAt": MOMENT,
            "updatedAt": MOMENT, "expiration": MOMENT,
        },
        optional=("reason", "expiration"),
    ))}),
    "CreateAccessRequest": asked({"user": UUID, "form": {}}, required=("user",), closed=False),
    "CreateMaskingExceptionRequest": asked(
        {"user": UUID, "form": {}, "columns": many(asked(
            {"columnName": TEXT, "sourceId": TEXT}, required=("columnName", "sourceId"), closed=False
        ), minItems=1)},
        required=("user", "columns"), closed=False,
    ),
    "HydratedAccessRequest": answer(
        {
            "id": TEXT, "requestingUser": ref("ImmutaUser"), "user": ref("ImmutaUser"), "formVersion": TEXT, "form": {},
            "type": _TYPE, "metadata": ANYTHING, "status": _STATUS, "expiration": MOMENT, "createdAt": MOMENT,
            "updatedAt": MOMENT,
            "dataProduct": answer({"id": TEXT, "name": TEXT, "description": maybe(TEXT)}),
        },
        optional=("metadata", "expiration"),
    ),
    "PaginatedAccessRequest": _page(ref("HydratedAccessRequest")),
    "ApprovalRecord": answer(_RECORD, optional=("actionBy", "reason")),
    "ApprovalRecords": answer({"approvalRecords": many(ref("ApprovalRecord"))}),
    "UpdateApprovalRecordRequest": asked(
        {"status": _RECORD_STATUS, "reason": {"type": "string", "maxLength": 20_000},
         "duration": {"type": "integer", "minimum": 1, "maximum": 200}, "durationUnit": _UNIT},
        required=("status",), dependentRequired={"duration": ["durationUnit"], "durationUnit": ["duration"]},
    ),
    "RiskAssessment": answer({"approvalRisk": {"type": "string", "const": "INDETERMINATE"}}),
    "UserWithPermissions": answer(
        {
            "displayName": TEXT, "username": TEXT, "expiration": WHOLE, "globalUserId": TEXT, "trackingId": TEXT,
            "tenantInfo": answer({"id": UUID}), "email": maybe(TEXT), "globalPermissions": many(TEXT),
            "collectionPermissions": ANYTHING, "authorizations": ANYTHING, "groups": many(TEXT),
        }
    ),
}  # fmt: skip
