//! What a client may say about an answer: a closed list, because free text could hold anything
//! about a person.

/// Why a client thinks that the person is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The card was seen and says what was sent.
    CardSeen,
    /// The holder was present and says so.
    HolderPresent,
    /// Other papers of the person say the same.
    DocumentsAgree,
    /// The civil status register says the same.
    CivilRegisterAgrees,
    /// The police have confirmed or corrected the record meanwhile.
    PoliceConfirmed,
}

impl Note {
    /// All notes.
    pub const ALL: [Self; 5] = [
        Self::CardSeen,
        Self::HolderPresent,
        Self::DocumentsAgree,
        Self::CivilRegisterAgrees,
        Self::PoliceConfirmed,
    ];

    /// The code on the wire, in the store and in the log.
    pub fn code(self) -> &'static str {
        match self {
            Self::CardSeen => "card_seen",
            Self::HolderPresent => "holder_present",
            Self::DocumentsAgree => "documents_agree",
            Self::CivilRegisterAgrees => "civil_register_agrees",
            Self::PoliceConfirmed => "police_confirmed",
        }
    }

    /// The note with this code.
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.code() == code)
    }

    /// What it says, in English.
    pub fn en(self) -> &'static str {
        match self {
            Self::CardSeen => "The card was seen and says what was sent.",
            Self::HolderPresent => "The holder was present and confirms what was sent.",
            Self::DocumentsAgree => "Other documents of the person say what was sent.",
            Self::CivilRegisterAgrees => "The civil status register says what was sent.",
            Self::PoliceConfirmed => "The police have confirmed or corrected the record.",
        }
    }

    /// What it says, in Vietnamese.
    pub fn vi(self) -> &'static str {
        match self {
            Self::CardSeen => "Đã xem thẻ và thẻ ghi đúng như thông tin đã gửi.",
            Self::HolderPresent => "Chủ thẻ có mặt và xác nhận thông tin đã gửi.",
            Self::DocumentsAgree => "Giấy tờ khác của người đó ghi đúng như thông tin đã gửi.",
            Self::CivilRegisterAgrees => "Sổ hộ tịch ghi đúng như thông tin đã gửi.",
            Self::PoliceConfirmed => "Công an đã xác nhận hoặc đã điều chỉnh dữ liệu.",
        }
    }
}
