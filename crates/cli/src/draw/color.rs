//! Colours, and the scales that turn numbers into them.

/// A colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub u8, pub u8, pub u8);

/// White, the background of pictures that are written to a file.
pub(crate) const WHITE: Rgb = Rgb(255, 255, 255);
/// The text on white.
pub(crate) const BLACK: Rgb = Rgb(0x22, 0x22, 0x22);
/// The background of a cell without weight in a terminal.
pub(crate) const DARK: Rgb = Rgb(0x1c, 0x1c, 0x1c);
/// The colours of right and wrong answers.
pub(crate) const RIGHT: Rgb = Rgb(0x00, 0x9e, 0x73);
pub(crate) const WRONG: Rgb = Rgb(0xd5, 0x5e, 0x00);

/// The colours of curves, one after the other. People who don't see all colours can tell them apart (Okabe and Ito, "Color
/// Universal Design", 2008), and each is seen on white and on black.
pub(crate) const SERIES: [Rgb; 6] = [
    Rgb(0x00, 0x80, 0xc8),
    Rgb(0xd5, 0x5e, 0x00),
    Rgb(0x00, 0x9e, 0x73),
    Rgb(0xcc, 0x79, 0xa7),
    Rgb(0xd0, 0x90, 0x00),
    Rgb(0x56, 0xb4, 0xe9),
];

/// The stops of the diverging scale, from −1 to 1: those of ColorBrewer's RdBu, turned round.
const DIVERGING: [Rgb; 5] = [
    Rgb(0x05, 0x30, 0x61),
    Rgb(0x43, 0x93, 0xc3),
    Rgb(0xf7, 0xf7, 0xf7),
    Rgb(0xd6, 0x60, 0x4d),
    Rgb(0x67, 0x00, 0x1f),
];

impl Rgb {
    /// The colour as SVG and HTML have it: `#0080c8`.
    pub(crate) fn hex(self) -> String {
        let Rgb(r, g, b) = self;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// The closest of the 256 colours of terminals: one of a cube of 6 × 6 × 6 or of 24 greys.
    pub(crate) fn indexed(self) -> u8 {
        const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
        let Rgb(r, g, b) = self;
        let level = |x: u8| (0..6).min_by_key(|&i| LEVELS[i].abs_diff(x)).unwrap_or(0);
        let cube = [r, g, b].map(level);
        let mean = ((u16::from(r) + u16::from(g) + u16::from(b)) / 3) as u8;
        let step = ((i16::from(mean) - 8 + 5) / 10).clamp(0, 23) as u8;
        let off = |other: [u8; 3]| -> u32 {
            [r, g, b].iter().zip(other).map(|(x, y)| u32::from(x.abs_diff(y)).pow(2)).sum()
        };
        let of_cube = cube.map(|i| LEVELS[i]);
        if off([8 + 10 * step; 3]) < off(of_cube) {
            232 + step
        } else {
            (16 + 36 * cube[0] + 6 * cube[1] + cube[2]) as u8
        }
    }

    /// The brightness, from 0 to 1, as the eye weighs the colours.
    pub(crate) fn brightness(self) -> f64 {
        let Rgb(r, g, b) = self;
        (0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)) / 255.0
    }

    /// The colour between this one and `other`: this one at 0, the other one at 1.
    pub(crate) fn mixed(self, other: Rgb, share: f64) -> Rgb {
        let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
        Rgb(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// A grey: black for 0, white for 1.
pub(crate) fn grey(x: f64) -> Rgb {
    let level = (255.0 * x.clamp(0.0, 1.0)).round() as u8;
    Rgb(level, level, level)
}

/// The diverging scale: dark blue for −1, white for 0, dark red for 1.
pub(crate) fn diverging(x: f64) -> Rgb {
    let place = (x.clamp(-1.0, 1.0) + 1.0) * 2.0;
    let below = (place as usize).min(3);
    DIVERGING[below].mixed(DIVERGING[below + 1], place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_of_256_colours_is_found() {
        assert_eq!(Rgb(0, 0, 0).indexed(), 16);
        assert_eq!(Rgb(255, 255, 255).indexed(), 231);
        assert_eq!(Rgb(255, 0, 0).indexed(), 196);
        assert_eq!(Rgb(8, 8, 8).indexed(), 232);
        assert_eq!(Rgb(130, 130, 130).indexed(), 244);
        assert_eq!(Rgb(0, 95, 135).indexed(), 24);
    }

    #[test]
    fn the_diverging_scale_is_white_at_0_and_symmetric_in_brightness() {
        assert_eq!(diverging(0.0), Rgb(0xf7, 0xf7, 0xf7));
        assert_eq!((diverging(-9.0), diverging(9.0)), (DIVERGING[0], DIVERGING[4]));
        for x in [0.25, 0.5, 0.75] {
            let [minus, plus] = [-x, x].map(|x| diverging(x).brightness());
            assert!((minus - plus).abs() < 0.15, "{x}: {minus} {plus}");
        }
    }
}
