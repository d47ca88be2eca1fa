//! What a customer orders, and who comes in which order.

use crate::error::{Error, Result};
use crate::menu::{Coffee, Flavour, Menu, listed};

/// How many come if nobody says: enough to see the difference.
const USUAL_CUSTOMERS: usize = 2;

/// One customer's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What it tastes of.
    pub flavour: Flavour,
    /// What it is.
    pub coffee: Coffee,
}

/// The orders of all customers, in the order in which they come in.
///
/// They are the `wishes`, or [`everything`] if there are none; with more
/// `customers` than that it begins again.
pub fn queue(
    menu: &Menu,
    wishes: &[String],
    customers: Option<usize>,
) -> Result<impl Iterator<Item = Order> + use<>> {
    let (orders, usual) = if wishes.is_empty() {
        (everything(menu), USUAL_CUSTOMERS)
    } else {
        let orders: Result<Vec<Order>> = wishes.iter().map(|wish| parse(wish, menu)).collect();
        (orders?, wishes.len())
    };
    Ok(orders.into_iter().cycle().take(customers.unwrap_or(usual)))
}

/// Everything on the menu once, flavours by coffees, alternately from the front
/// and from the end of that: two neighbours want different things.
pub fn everything(menu: &Menu) -> Vec<Order> {
    let mut orders = menu.flavours.iter().flat_map(|flavour| {
        menu.coffees.iter().map(|coffee| Order { flavour: flavour.clone(), coffee: coffee.clone() })
    });
    let mut everything = Vec::new();
    while let Some(front) = orders.next() {
        everything.push(front);
        everything.extend(orders.next_back());
    }
    everything
}

/// The order that "Vanilla Latte" is; upper and lower case are the same.
pub fn parse(wish: &str, menu: &Menu) -> Result<Order> {
    // A flavour can be the beginning of another one: "Salted", "Salted Caramel".
    let mut understood = None;
    for flavour in &menu.flavours {
        let Some(rest) = after(wish, &flavour.name) else { continue };
        for coffee in &menu.coffees {
            if after(rest, &coffee.name) == Some("") {
                return Ok(Order { flavour: flavour.clone(), coffee: coffee.clone() });
            }
        }
        understood = Some(flavour);
    }
    let expected = if let Some(flavour) = understood {
        let coffees = listed(&menu.coffees);
        format!("expected a coffee {} after {flavour}: {coffees}", menu.coffees_stand)
    } else {
        let flavours = listed(&menu.flavours);
        format!("expected a flavour {} first: {flavours}", menu.flavours_stand)
    };
    Err(Error::wrong_order(wish, expected))
}

/// What follows `name` in `wish`, if it begins with that.
fn after<'a>(wish: &'a str, name: &str) -> Option<&'a str> {
    let (head, rest) = wish.trim().split_at_checked(name.len())?;
    let is_whole_word = rest.is_empty() || rest.starts_with(' ');
    (is_whole_word && head.eq_ignore_ascii_case(name)).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(orders: impl IntoIterator<Item = Order>) -> Vec<String> {
        orders.into_iter().map(|Order { flavour, coffee }| format!("{flavour} {coffee}")).collect()
    }

    #[test]
    fn the_usual_queue_is_a_vanilla_latte_and_a_caramel_mocha() {
        let queue = queue(&Menu::default(), &[], None).expect("all of it is on the menu");
        assert_eq!(texts(queue), ["Vanilla Latte", "Caramel Mocha"]);
    }

    #[test]
    fn more_customers_order_everything_once_and_then_begin_again() {
        let queue = queue(&Menu::default(), &[], Some(18)).expect("all of it is on the menu");
        let mut orders = texts(queue);
        assert_eq!(
            orders[..4],
            ["Vanilla Latte", "Caramel Mocha", "Vanilla Cappuccino", "Caramel Flat White"]
        );
        assert_eq!(orders[16..], orders[..2]);
        orders.truncate(16);
        orders.sort();
        orders.dedup();
        assert_eq!(orders.len(), 16);
    }

    #[test]
    fn an_odd_menu_has_its_middle_last() {
        let mut menu = Menu::default();
        menu.flavours.truncate(1);
        menu.coffees.truncate(3);
        assert_eq!(
            texts(everything(&menu)),
            ["Vanilla Latte", "Vanilla Flat White", "Vanilla Cappuccino"]
        );
    }

    #[test]
    fn wishes_are_the_queue_and_more_customers_repeat_them() {
        let wishes = ["Vanilla Flat White".to_owned(), "caramel LATTE".to_owned()];
        for (customers, expected) in [
            (None, &["Vanilla Flat White", "Caramel Latte"][..]),
            (Some(3), &["Vanilla Flat White", "Caramel Latte", "Vanilla Flat White"]),
            (Some(1), &["Vanilla Flat White"]),
        ] {
            let queue = queue(&Menu::default(), &wishes, customers).expect("they are on the menu");
            assert_eq!(texts(queue), expected);
        }
    }

    #[test]
    fn a_flavour_that_begins_another_one_hides_neither() {
        let flavours = ["Salted", "Salted Caramel"].map(|name| Flavour { name: name.into() });
        let menu = Menu { flavours: flavours.into(), ..Menu::default() };
        for wish in ["Salted Mocha", "Salted Caramel Mocha"] {
            assert_eq!(texts(parse(wish, &menu)), [wish]);
        }
    }

    #[test]
    fn a_wish_that_cannot_be_met_is_answered_with_what_can() {
        let flavours =
            "expected a flavour on our menu first: Vanilla, Chocolate, Pistachio, Caramel";
        let coffees =
            "expected a coffee on our menu after Vanilla: Latte, Cappuccino, Flat White, Mocha";
        for (wish, expected) in [
            ("Vanilla Tea", coffees),
            ("Vanilla", coffees),
            ("Vanilla Latte Latte", coffees),
            ("Vanilla Lattes", coffees),
            ("Mint Latte", flavours),
            ("VanillaLatte", flavours),
            ("Latte", flavours),
            ("", flavours),
            ("Café crème", flavours),
        ] {
            let error = parse(wish, &Menu::default()).expect_err("it isn't on the menu");
            assert_eq!(error.to_string(), format!("can't take the order {wish:?}: {expected}"));
        }
    }
}
