//! Who acts: the owner, a seat, or the edge that reports what the outside did.

use super::name::{BadName, SeatName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who stands behind a command; decided by the socket it came through, never by what it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    Owner,
    Seat(SeatName),
    /// The supervisor's own measurements and the results of effects.
    Edge,
}

impl Actor {
    pub fn seat(&self) -> Option<&SeatName> {
        match self {
            Self::Seat(seat) => Some(seat),
            Self::Owner | Self::Edge => None,
        }
    }

    /// The party whose key speaks for this actor.
    pub fn party(&self) -> Party {
        match self {
            Self::Owner => Party::Owner,
            Self::Seat(seat) => Party::Seat(seat.clone()),
            Self::Edge => Party::Gatekeeper,
        }
    }
}

/// Who can hold a key, send a message and receive one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    Owner,
    Gatekeeper,
    Seat(SeatName),
}

macro_rules! as_text {
    ($type:ident, $other:ident, $word:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Owner => f.write_str("owner"),
                    Self::$other => f.write_str($word),
                    Self::Seat(seat) => f.write_str(seat.as_str()),
                }
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.to_string()
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl std::str::FromStr for $type {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                match text {
                    "owner" => Ok(Self::Owner),
                    $word => Ok(Self::$other),
                    seat => SeatName::new(seat).map(Self::Seat),
                }
            }
        }
    };
}

as_text!(Actor, Edge, "edge");
as_text!(Party, Gatekeeper, "gatekeeper");

/// Words that no seat may be called, since they name somebody else.
pub const RESERVED: [&str; 4] = ["owner", "edge", "gatekeeper", "all"];
