//! Everything that can be wrong with a request, explained once in both languages.
//!
//! The enum makes the codes, the statuses, the sentences and the published table; how a problem
//! travels to the caller is for `error`.

use std::fmt::Write as _;

use axum::http::StatusCode;

/// Everything that can be wrong, with its stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body is not JSON.
    InvalidJson,
    /// A property, parameter or form field does not belong, is missing or of the wrong type.
    InvalidRequest,
    /// A value is not well formed.
    InvalidValue,
    /// An attribute that the policy requires was not sent.
    RequiredAttributeMissing,
    /// A report cannot be grouped that way.
    GroupingNotAvailable,
    /// No token, or none that is valid.
    InvalidToken,
    /// Unknown client or wrong secret.
    InvalidClient,
    /// A grant type other than client credentials.
    UnsupportedGrantType,
    /// A scope that does not exist or is not the client's.
    InvalidScope,
    /// The operation is not in the policy or not in the token's scope.
    OperationNotPermitted,
    /// The purpose is not the client's, or nobody's.
    PurposeNotPermitted,
    /// The agency is not the client's own, below it or on its list.
    OnBehalfOfNotPermitted,
    /// The official is not one whom the client has made known.
    OfficialUnknown,
    /// The client was suspended.
    ClientSuspended,
    /// The client is not connected.
    ClientNotActive,
    /// No agreement is in force.
    AgreementExpired,
    /// No security assessment is in force.
    AssessmentExpired,
    /// A quota of the client is used up.
    QuotaExceeded,
    /// No such path.
    NotFound,
    /// There is no such receipt, or it is somebody else's.
    UnknownReceipt,
    /// There is no such dispute.
    UnknownDispute,
    /// The dispute was decided, and not so.
    DisputeDecided,
    /// There is no such alarm.
    UnknownAlarm,
    /// The alarm is over.
    AlarmCleared,
    /// There is no such job, or it is somebody else's.
    UnknownJob,
    /// The job is in a state in which this cannot be done.
    JobState,
    /// The client has as many open jobs as it may have.
    TooManyJobs,
    /// The part does not begin where the upload ends.
    OffsetMismatch,
    /// Another part of the same file is coming in.
    UploadInProgress,
    /// The files of the job are on another node.
    JobElsewhere,
    /// There is nothing at this place of the results.
    RangeNotSatisfiable,
    /// The disk for uploads has no room.
    NoRoomForFile,
    /// There is no such client.
    UnknownClient,
    /// There is no such policy, or not this version of it.
    UnknownPolicy,
    /// The client's identifier is taken.
    ClientExists,
    /// No step leads to the state.
    StateNotReachable,
    /// Nothing changes about a closed client.
    ClientClosed,
    /// The client's papers do not allow it to be connected.
    ClientNotReady,
    /// Another list of officials came in meanwhile.
    OfficialsChanged,
    /// The client has no such secret or key.
    UnknownCredential,
    /// The client could not authenticate any more.
    LastCredential,
    /// The client has a key of this name, or as many as it may have.
    NoRoomForKey,
    /// Another client has this key.
    KeyOfAnotherClient,
    /// The secret in use would end.
    NewerSecretUnused,
    /// Somebody else has changed the signing keys.
    SigningKeysChanged,
    /// The next signing key may not be known everywhere.
    NextKeyTooYoung,
    /// The file of the key that signs is not there.
    ActiveKeyLost,
    /// The file of the next signing key is not there.
    NextKeyLost,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body did not come in time.
    RequestTimeout,
    /// The body is too large.
    BodyTooLarge,
    /// The body is not of the media type the path takes.
    UnsupportedMediaType,
    /// A request with the same idempotency key is on its way.
    IdempotencyKeyInUse,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The client's rate is used up.
    RateLimited,
    /// As many requests of the client are on their way as it may have.
    ConcurrencyLimited,
    /// Too many claims about the person have been wrong.
    SubjectGuarded,
    /// Too many failed authentications from one address.
    AddressLimited,
    /// Our fault.
    InternalError,
    /// The log could not take the entry.
    LogUnavailable,
    /// Too much is waiting for the time that the request has.
    Overloaded,
    /// Not ready.
    NotReady,
}

/// What a code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// The code on the wire.
    pub code: &'static str,
    /// The status it goes with.
    pub status: StatusCode,
    /// What it means and what to do, in English.
    pub en: &'static str,
    /// What it means and what to do, in Vietnamese.
    pub vi: &'static str,
}

impl Code {
    /// All codes in the order of their statuses.
    pub const ALL: [Self; 62] = [
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::InvalidToken,
        Self::InvalidClient,
        Self::OperationNotPermitted,
        Self::PurposeNotPermitted,
        Self::OnBehalfOfNotPermitted,
        Self::OfficialUnknown,
        Self::ClientSuspended,
        Self::ClientNotActive,
        Self::AgreementExpired,
        Self::AssessmentExpired,
        Self::QuotaExceeded,
        Self::NotFound,
        Self::UnknownReceipt,
        Self::UnknownDispute,
        Self::UnknownAlarm,
        Self::UnknownJob,
        Self::UnknownClient,
        Self::UnknownPolicy,
        Self::UnknownCredential,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::DisputeDecided,
        Self::AlarmCleared,
        Self::JobState,
        Self::TooManyJobs,
        Self::OffsetMismatch,
        Self::UploadInProgress,
        Self::JobElsewhere,
        Self::ClientExists,
        Self::StateNotReachable,
        Self::ClientClosed,
        Self::ClientNotReady,
        Self::OfficialsChanged,
        Self::LastCredential,
        Self::NoRoomForKey,
        Self::KeyOfAnotherClient,
        Self::NewerSecretUnused,
        Self::NextKeyTooYoung,
        Self::SigningKeysChanged,
        Self::ActiveKeyLost,
        Self::NextKeyLost,
        Self::IdempotencyKeyInUse,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::RangeNotSatisfiable,
        Self::InvalidValue,
        Self::RequiredAttributeMissing,
        Self::GroupingNotAvailable,
        Self::IdempotencyKeyReused,
        Self::RateLimited,
        Self::ConcurrencyLimited,
        Self::SubjectGuarded,
        Self::AddressLimited,
        Self::InternalError,
        Self::LogUnavailable,
        Self::Overloaded,
        Self::NoRoomForFile,
        Self::NotReady,
    ];

    /// Code, status and sentences: the published error table is made from this.
    #[expect(clippy::too_many_lines, reason = "a table with a row for each code")]
    pub fn explained(self) -> Explained {
        let (code, status, en, vi) = match self {
            Self::InvalidJson => {
                ("invalid-json", 400, "The body is not JSON.", "Nội dung gửi lên không phải JSON.")
            }
            Self::InvalidRequest => (
                "invalid-request",
                400,
                "A field does not belong, is missing, comes twice or has the wrong type; see errors.",
                "Có trường thừa, thiếu, lặp lại hoặc sai kiểu; xem errors.",
            ),
            Self::UnsupportedGrantType => (
                "unsupported-grant-type",
                400,
                "Only grant_type=client_credentials is offered.",
                "Chỉ hỗ trợ grant_type=client_credentials.",
            ),
            Self::InvalidScope => (
                "invalid-scope",
                400,
                "The scope names an operation that does not exist or is not permitted to this client.",
                "Phạm vi (scope) nêu thao tác không tồn tại hoặc không được cấp cho hệ thống này.",
            ),
            Self::InvalidToken => (
                "invalid-token",
                401,
                "The access token is missing, expired or not valid: obtain a new one at /oauth2/token.",
                "Thiếu mã truy cập, hoặc mã đã hết hạn hay không hợp lệ: hãy lấy mã mới tại /oauth2/token.",
            ),
            Self::InvalidClient => (
                "invalid-client",
                401,
                "The client is unknown, or its secret or assertion is not good.",
                "Hệ thống không tồn tại, hoặc mật khẩu hay chứng thực (assertion) không đúng.",
            ),
            Self::OperationNotPermitted => (
                "operation-not-permitted",
                403,
                "The policy of this client, or the scope of this token, does not include the operation. Where it was about a person, the refusal was recorded.",
                "Chính sách của hệ thống hoặc phạm vi của mã truy cập không bao gồm thao tác này. Nếu thao tác liên quan đến một người thì việc từ chối đã được ghi nhật ký.",
            ),
            Self::PurposeNotPermitted => (
                "purpose-not-permitted",
                403,
                "The purpose is not among those of this client for this operation. The refusal was recorded.",
                "Mục đích này không thuộc các mục đích được cấp cho hệ thống với thao tác này. Việc từ chối đã được ghi nhật ký.",
            ),
            Self::OnBehalfOfNotPermitted => (
                "on-behalf-of-not-permitted",
                403,
                "The agency is neither this client's own, nor below it, nor on its list of agencies to act for. The refusal was recorded.",
                "Cơ quan được nêu không phải cơ quan của hệ thống này, không trực thuộc và không có trong danh sách được ủy quyền. Việc từ chối đã được ghi nhật ký.",
            ),
            Self::OfficialUnknown => (
                "official-unknown",
                403,
                "The official is not on the list that this client has sent by PUT /v1/officials, which its policy demands. The refusal was recorded.",
                "Cán bộ tra cứu không có trong danh sách mà hệ thống đã gửi bằng PUT /v1/officials theo yêu cầu của chính sách. Việc từ chối đã được ghi nhật ký.",
            ),
            Self::ClientSuspended => (
                "client-suspended",
                403,
                "The client is suspended: contact the operator.",
                "Hệ thống đang bị tạm ngừng kết nối: hãy liên hệ đơn vị vận hành.",
            ),
            Self::ClientNotActive => (
                "client-not-active",
                403,
                "The client is not connected: not yet, or not any more.",
                "Hệ thống chưa được kết nối hoặc đã chấm dứt kết nối.",
            ),
            Self::AgreementExpired => (
                "agreement-expired",
                403,
                "No agreement with this client is in force today.",
                "Thỏa thuận kết nối của hệ thống không có hiệu lực hôm nay.",
            ),
            Self::AssessmentExpired => (
                "assessment-expired",
                403,
                "The client has no security assessment of level 3 or above in force.",
                "Hệ thống không có đánh giá an toàn thông tin từ cấp độ 3 còn hiệu lực.",
            ),
            Self::QuotaExceeded => (
                "quota-exceeded",
                403,
                "The quota of this client for the day or the month has no room for the request: wait as long as Retry-After says, or agree on another quota with the operator. GET /v1/usage shows what was used.",
                "Định mức theo ngày hoặc theo tháng của hệ thống không còn đủ cho yêu cầu này: hãy chờ theo Retry-After, hoặc thỏa thuận lại định mức với đơn vị vận hành. GET /v1/usage cho biết đã dùng bao nhiêu.",
            ),
            Self::NotFound => (
                "not-found",
                404,
                "There is nothing at this path.",
                "Không có gì tại đường dẫn này.",
            ),
            Self::UnknownReceipt => (
                "unknown-receipt",
                404,
                "There is no such receipt among yours: send log and index as they came.",
                "Không có biên nhận này trong số biên nhận của bạn: hãy gửi log và index đúng như đã nhận.",
            ),
            Self::UnknownDispute => (
                "unknown-dispute",
                404,
                "There is no dispute with this id.",
                "Không có khiếu nại nào với id này.",
            ),
            Self::DisputeDecided => (
                "dispute-decided",
                409,
                "This dispute was decided otherwise; a decision does not change.",
                "Khiếu nại này đã được quyết định khác; quyết định không thay đổi.",
            ),
            Self::UnknownAlarm => (
                "unknown-alarm",
                404,
                "There is no alarm with this id.",
                "Không có cảnh báo nào với id này.",
            ),
            Self::UnknownJob => (
                "unknown-job",
                404,
                "There is no such job, or it is not yours, or its time is over.",
                "Không có công việc này, hoặc không phải của đơn vị, hoặc đã hết thời hạn lưu.",
            ),
            Self::JobState => (
                "job-state",
                409,
                "The job is in a state in which this cannot be done; ask for it to see which.",
                "Công việc đang ở trạng thái không cho phép thao tác này; hãy xem lại công việc.",
            ),
            Self::TooManyJobs => (
                "too-many-jobs",
                409,
                "You have as many open jobs as you may have: wait for one, or delete one.",
                "Đơn vị đã có đủ số công việc được mở cùng lúc: hãy chờ hoặc xóa bớt một công việc.",
            ),
            Self::OffsetMismatch => (
                "offset-mismatch",
                409,
                "The upload does not end where this part begins: go on at Upload-Offset.",
                "Phần gửi lên không nối tiếp phần đã nhận: hãy gửi tiếp từ Upload-Offset.",
            ),
            Self::UploadInProgress => (
                "upload-in-progress",
                409,
                "Another part of this file is coming in: wait for it to end.",
                "Một phần khác của tệp này đang được gửi lên: hãy chờ phần đó kết thúc.",
            ),
            Self::JobElsewhere => (
                "job-elsewhere",
                409,
                "The files of this job are on another node of the gateway: ask that one.",
                "Tệp của công việc này nằm ở một nút khác của cổng: hãy gọi nút đó.",
            ),
            Self::RangeNotSatisfiable => (
                "range-not-satisfiable",
                416,
                "There are no results at this place, or none yet.",
                "Không có kết quả ở vị trí này, hoặc chưa có.",
            ),
            Self::NoRoomForFile => (
                "no-room-for-file",
                503,
                "The disk for files is full: what was sent is kept, go on later.",
                "Ổ đĩa lưu tệp đã đầy: phần đã gửi được giữ lại, hãy gửi tiếp sau.",
            ),
            Self::AlarmCleared => (
                "alarm-cleared",
                409,
                "This alarm is over: what it told of is normal again.",
                "Cảnh báo này đã kết thúc: điều được cảnh báo đã trở lại bình thường.",
            ),
            Self::UnknownClient => (
                "unknown-client",
                404,
                "There is no client with this identifier.",
                "Không có hệ thống kết nối nào mang mã này.",
            ),
            Self::UnknownPolicy => (
                "unknown-policy",
                404,
                "There is no policy with this name, or not this version of it.",
                "Không có chính sách mang tên này, hoặc không có phiên bản này.",
            ),
            Self::ClientExists => (
                "client-exists",
                409,
                "There is a client with this identifier already; identifiers are never given again.",
                "Đã có hệ thống kết nối mang mã này; mã không được cấp lại.",
            ),
            Self::StateNotReachable => (
                "state-not-reachable",
                409,
                "No step leads from the client's state to this one.",
                "Không thể chuyển hệ thống kết nối từ trạng thái hiện tại sang trạng thái này.",
            ),
            Self::ClientClosed => (
                "client-closed",
                409,
                "The client is closed for good, and nothing changes about it.",
                "Hệ thống kết nối đã đóng vĩnh viễn và không thay đổi được nữa.",
            ),
            Self::ClientNotReady => (
                "client-not-ready",
                409,
                "The client cannot be connected: its agreement, security assessment or agency code does not allow it; see errors.",
                "Chưa thể kết nối: thỏa thuận, đánh giá an toàn thông tin hoặc mã định danh không cho phép; xem errors.",
            ),
            Self::UnknownCredential => (
                "unknown-credential",
                404,
                "The client has no such secret or key.",
                "Hệ thống không có mật khẩu hoặc khóa này.",
            ),
            Self::OfficialsChanged => (
                "officials-changed",
                409,
                "Another list of officials came in while this one was put down: send the one that is right again.",
                "Một danh sách cán bộ khác được gửi cùng lúc: hãy gửi lại danh sách đúng.",
            ),
            Self::LastCredential => (
                "last-credential",
                409,
                "It is the client's last credential, and the client is not closed: add another first, or repeat with force=true.",
                "Đây là thông tin xác thực cuối cùng của hệ thống chưa đóng: hãy thêm cái khác trước, hoặc lặp lại với force=true.",
            ),
            Self::NoRoomForKey => (
                "no-room-for-key",
                409,
                "The client has a key with this kid, or 8 keys already: remove one first.",
                "Hệ thống đã có khóa mang kid này hoặc đã đủ 8 khóa: hãy bỏ bớt trước.",
            ),
            Self::KeyOfAnotherClient => (
                "key-of-another-client",
                409,
                "Another client has this key: each client signs with keys of its own.",
                "Hệ thống khác đã có khóa này: mỗi hệ thống ký bằng khóa riêng.",
            ),
            Self::NewerSecretUnused => (
                "newer-secret-unused",
                409,
                "The newer of the two secrets was never used, and the older one, which is in use then, would end: use the newer one first, delete it, or repeat with force=true.",
                "Mật khẩu mới hơn chưa được dùng lần nào, còn mật khẩu cũ đang dùng sẽ bị thay: hãy dùng mật khẩu mới trước, xóa nó, hoặc lặp lại với force=true.",
            ),
            Self::SigningKeysChanged => (
                "signing-keys-changed",
                409,
                "Somebody else has moved the signing keys on meanwhile: look at them before you repeat it.",
                "Người khác vừa thay đổi các khóa ký: hãy xem lại các khóa trước khi lặp lại.",
            ),
            Self::NextKeyTooYoung => (
                "next-key-too-young",
                409,
                "The next signing key may not be known to every node and cache yet: wait as long as Retry-After says.",
                "Khóa ký tiếp theo có thể chưa đến mọi nút và bộ nhớ đệm: hãy chờ theo Retry-After.",
            ),
            Self::ActiveKeyLost => (
                "active-key-lost",
                409,
                "The file of the signing key is not in the gateway's key folder: see whether it is the right folder, and put the file back; if it is lost, repeat with force=true.",
                "Tệp của khóa đang ký không có trong thư mục khóa của cổng: hãy kiểm tra thư mục và đưa tệp trở lại; nếu đã mất tệp, hãy lặp lại với force=true.",
            ),
            Self::NextKeyLost => (
                "next-key-lost",
                409,
                "The file of the next signing key, which would have to sign now, is not in the gateway's key folder: put it back, or rotate once without compromised=true to replace it, then repeat.",
                "Tệp của khóa ký tiếp theo, khóa sẽ phải ký ngay, không có trong thư mục khóa của cổng: hãy đưa tệp trở lại, hoặc đổi khóa một lần không có compromised=true để thay khóa đó, rồi lặp lại.",
            ),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                405,
                "The path does not take this method; see the Allow header.",
                "Đường dẫn không nhận phương thức này; xem tiêu đề Allow.",
            ),
            Self::RequestTimeout => (
                "request-timeout",
                408,
                "The body did not arrive in time.",
                "Nội dung yêu cầu không đến kịp thời hạn.",
            ),
            Self::BodyTooLarge => (
                "body-too-large",
                413,
                "The body is larger than this path takes.",
                "Nội dung yêu cầu lớn hơn mức cho phép.",
            ),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                415,
                "The path takes another media type; see the documentation.",
                "Đường dẫn nhận kiểu nội dung khác; xem tài liệu.",
            ),
            Self::InvalidValue => (
                "invalid-value",
                422,
                "A value is not well formed; see errors.",
                "Có giá trị không đúng định dạng; xem errors.",
            ),
            Self::RequiredAttributeMissing => (
                "required-attribute-missing",
                422,
                "The policy requires attributes, or an official, that were not sent; see errors.",
                "Thiếu thuộc tính hoặc cán bộ tra cứu mà chính sách yêu cầu; xem errors.",
            ),
            Self::GroupingNotAvailable => (
                "grouping-not-available",
                422,
                "The report cannot be grouped that way.",
                "Báo cáo không có cách nhóm này.",
            ),
            Self::IdempotencyKeyInUse => (
                "idempotency-key-in-use",
                409,
                "A request with this Idempotency-Key is being answered: ask again in a moment for its answer.",
                "Một yêu cầu với cùng Idempotency-Key đang được xử lý: hãy gửi lại sau giây lát để nhận kết quả.",
            ),
            Self::IdempotencyKeyReused => (
                "idempotency-key-reused",
                422,
                "This Idempotency-Key was used for another request within 24 hours: choose a new one.",
                "Idempotency-Key này đã dùng cho một yêu cầu khác trong 24 giờ qua: hãy chọn khóa mới.",
            ),
            Self::RateLimited => (
                "rate-limited",
                429,
                "The rate of this client is used up: wait as long as Retry-After says.",
                "Đã vượt hạn mức tần suất của hệ thống: hãy chờ theo Retry-After.",
            ),
            Self::ConcurrencyLimited => (
                "concurrency-limited",
                429,
                "As many requests of this client are on their way as its policy allows: wait for one of their answers before the next.",
                "Số yêu cầu đang xử lý của hệ thống đã đạt mức chính sách cho phép: hãy chờ một yêu cầu có kết quả rồi mới gửi tiếp.",
            ),
            Self::SubjectGuarded => (
                "subject-guarded",
                429,
                "Too many different claims about this person were wrong: check them against the original papers, and wait as long as Retry-After says. The same claims as before may be sent again.",
                "Đã có quá nhiều thông tin khác nhau về người này không đúng: hãy đối chiếu với giấy tờ gốc và chờ theo Retry-After. Vẫn được gửi lại đúng thông tin đã gửi.",
            ),
            Self::AddressLimited => (
                "address-limited",
                429,
                "Too many failed authentications from this address: wait as long as Retry-After says.",
                "Địa chỉ này xác thực sai quá nhiều lần: hãy chờ theo Retry-After.",
            ),
            Self::InternalError => (
                "internal-error",
                500,
                "Something is wrong on our side; tell the operator the request_id.",
                "Có lỗi phía máy chủ; hãy báo request_id cho đơn vị vận hành.",
            ),
            Self::LogUnavailable => (
                "log-unavailable",
                503,
                "The audit log cannot take the entry, so there is no answer: try again later.",
                "Nhật ký kiểm toán không ghi được nên không có câu trả lời: hãy thử lại sau.",
            ),
            Self::Overloaded => (
                "overloaded",
                503,
                "Too much is waiting for the time that the request has: wait as long as Retry-After says.",
                "Hệ thống quá tải, không kịp trả lời trong thời hạn của yêu cầu: hãy chờ theo Retry-After.",
            ),
            Self::NotReady => (
                "not-ready",
                503,
                "The gateway is starting or stopping.",
                "Cổng đang khởi động hoặc đang dừng.",
            ),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Explained { code, status, en, vi }
    }

    /// The `error` member that RFC 6749, section 5.2 adds at the token endpoint.
    pub(super) fn oauth_error(self) -> Option<&'static str> {
        match self {
            Self::InvalidClient => Some("invalid_client"),
            Self::UnsupportedGrantType => Some("unsupported_grant_type"),
            Self::InvalidScope => Some("invalid_scope"),
            Self::ClientSuspended
            | Self::ClientNotActive
            | Self::AgreementExpired
            | Self::AssessmentExpired => Some("unauthorized_client"),
            Self::InvalidRequest
            | Self::InvalidJson
            | Self::UnsupportedMediaType
            | Self::BodyTooLarge
            | Self::RequestTimeout => Some("invalid_request"),
            Self::RateLimited | Self::AddressLimited | Self::Overloaded => {
                Some("temporarily_unavailable")
            }
            _ => None,
        }
    }
}

/// The published table of problem codes, in Markdown and both languages.
pub fn problem_table() -> String {
    let mut table = String::from(
        "# Problem codes\n\nMade from `gateway/src/http/code.rs`; a test holds it to the code.\n\n\
         | code | status | English | Tiếng Việt |\n| --- | --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let Explained { code, status, en, vi } = code.explained();
        let status = status.as_u16();
        let _infallible = writeln!(table, "| `{code}` | {status} | {en} | {vi} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once_in_both_languages() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.explained().code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            let Explained { status, en, vi, .. } = code.explained();
            assert!(status.is_client_error() || status.is_server_error());
            assert!(!en.is_empty() && !vi.is_empty() && en != vi);
        }
    }

    #[test]
    fn the_published_table_is_made_from_the_codes() {
        let published = include_str!("../../../docs/problems.md");
        assert_eq!(published, problem_table(), "write problem_table() to docs/problems.md");
    }
}
