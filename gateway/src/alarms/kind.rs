//! What can stand out.

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlarmKind {
    /// A client's match rate is far below its own habit.
    MatchRateLow,
    /// A client asks number after number.
    ConsecutiveNumbers,
    /// A client asks about many more people than is its habit.
    ManyDistinctSubjects,
    /// Many clients ask about one person.
    SubjectAskedByMany,
    /// A node's limits are not shared: Redis does not answer in time.
    LimitsUnshared,
    /// A client uses up the guess budgets of many people.
    Guessing,
}

impl AlarmKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::MatchRateLow,
        Self::ConsecutiveNumbers,
        Self::ManyDistinctSubjects,
        Self::SubjectAskedByMany,
        Self::LimitsUnshared,
        Self::Guessing,
    ];

    /// The name in the store, in the log and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::MatchRateLow => "match-rate-low",
            Self::ConsecutiveNumbers => "consecutive-numbers",
            Self::ManyDistinctSubjects => "many-distinct-subjects",
            Self::SubjectAskedByMany => "subject-asked-by-many",
            Self::LimitsUnshared => "limits-unshared",
            Self::Guessing => "guessing",
        }
    }

    /// The kind with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What is meant, in Vietnamese and in English.
    pub fn explained(self) -> (&'static str, &'static str) {
        match self {
            Self::MatchRateLow => (
                "Tỷ lệ khớp của hệ thống thấp hơn hẳn mức thường ngày của chính nó.",
                "The client's match rate is far below its own habit.",
            ),
            Self::ConsecutiveNumbers => (
                "Hệ thống hỏi nhiều số định danh liền kề nhau.",
                "The client asks about many numbers that follow each other.",
            ),
            Self::ManyDistinctSubjects => (
                "Hệ thống hỏi về nhiều người khác nhau hơn hẳn mức thường ngày của chính nó.",
                "The client asks about many more different people than is its habit.",
            ),
            Self::SubjectAskedByMany => {
                ("Nhiều hệ thống cùng hỏi về một người.", "Many clients ask about one person.")
            }
            Self::LimitsUnshared => (
                "Redis không trả lời kịp: mỗi nút tự giữ phần giới hạn của mình.",
                "Redis does not answer in time: each node keeps its own part of the limits.",
            ),
            Self::Guessing => (
                "Hệ thống dùng hết lượt thử sai đối với nhiều người.",
                "The client has used up the failed guesses about many people.",
            ),
        }
    }
}
