//! Who trades: two companies, three warehouses, and what they sell to whom. People appear as pseudonyms only.

use super::dice::Dice;

/// The database all of them share.
pub(in crate::demo) const DATABASE: &str = "distribution";

#[derive(Debug, PartialEq)]
pub(in crate::demo) struct Warehouse {
    pub(in crate::demo) code: &'static str,
    pub(in crate::demo) company: &'static str,
    pub(in crate::demo) currency: &'static str,
    /// Its part of all orders.
    pub(in crate::demo) share: f64,
    pub(in crate::demo) carriers: &'static [&'static str],
}

pub(in crate::demo) static WAREHOUSES: [Warehouse; 3] = [
    Warehouse {
        code: "ROT",
        company: "Meridiaan Handel BV",
        currency: "EUR",
        share: 0.45,
        carriers: &["postnl", "dhl", "own-fleet"],
    },
    Warehouse {
        code: "LYO",
        company: "Meridiaan Handel BV",
        currency: "EUR",
        share: 0.30,
        carriers: &["chronopost", "dhl"],
    },
    Warehouse {
        code: "GDN",
        company: "Meridiaan Polska Sp. z o.o.",
        currency: "PLN",
        share: 0.25,
        carriers: &["inpost", "dpd"],
    },
];

/// Where orders come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Channel {
    Portal,
    Edi,
    InsideSales,
}

impl Channel {
    pub(in crate::demo) const fn name(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Edi => "edi",
            Self::InsideSales => "inside_sales",
        }
    }

    /// Who presses the button.
    pub(in crate::demo) const fn user_group(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Edi => "edi",
            Self::InsideSales => "sales",
        }
    }

    pub(super) fn draw(dice: &mut Dice) -> Self {
        dice.pick(&[Self::Portal, Self::Portal, Self::Edi, Self::Edi, Self::InsideSales])
    }
}

pub(super) fn warehouse(dice: &mut Dice) -> &'static Warehouse {
    let mut left = dice.fraction();
    for warehouse in &WAREHOUSES {
        if left < warehouse.share {
            return warehouse;
        }
        left -= warehouse.share;
    }
    &WAREHOUSES[0]
}

/// One of some four hundred, the same one for the same number.
pub(super) fn customer(dice: &mut Dice) -> String {
    let number = dice.number(1..412);
    format!("cust-{:06x}", (number * 0x9e_3779) & 0xff_ffff)
}

pub(super) fn product(dice: &mut Dice) -> String {
    format!("SKU-{}", 10_000 + dice.number(0..180) * 7)
}
