//! Which instruction set runs: the one place that asks the CPU.

use super::scalar::Scalar;
use super::vector::{Kernel, Vector};
use std::fmt;
use std::str::FromStr;

/// An instruction set that this machine has.
///
/// A value is a proof: it can only be made by asking the CPU, so holding one makes it sound to run that set's
/// kernels. All sets give the same bits, but for [`MATRIXMULTIPLY`](Self::MATRIXMULTIPLY), whose products come
/// from the matrixmultiply crate and whose arithmetic is its own.
///
/// ```
/// use minibatch_kernels::Isa;
///
/// let isa = Isa::detect();
/// assert!(Isa::available().contains(&isa));
/// assert_eq!("portable".parse(), Ok(Isa::PORTABLE));
/// assert!("sse9".parse::<Isa>().unwrap_err().to_string().contains("portable"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Isa(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
    Matrixmultiply,
}

impl Kind {
    /// Every kind this build knows, fastest first.
    const ALL: &[Kind] = &[
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2,
        Kind::Portable,
        Kind::Matrixmultiply,
    ];

    fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Portable => "portable",
            Kind::Matrixmultiply => "matrixmultiply",
        }
    }

    fn is_present(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Kind::Portable | Kind::Matrixmultiply => true,
        }
    }

    /// Whether scalar `mul_add` is an instruction of the compilation target rather than a library call.
    const SCALAR_FMA: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
}

/// How rounding is done: runs of one class agree to the bit, across classes they don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArithmeticClass {
    /// Every product one chain of fused multiply-adds, as the arithmetic contract says.
    Fused,
    /// Products by the matrixmultiply crate, element-wise operations unfused.
    Matrixmultiply,
}

impl ArithmeticClass {
    /// Its name: `fused` or `matrixmultiply`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ArithmeticClass::Fused => "fused",
            ArithmeticClass::Matrixmultiply => "matrixmultiply",
        }
    }
}

impl Isa {
    /// Scalar code with fused multiply-add: slow, exact, on every machine.
    pub const PORTABLE: Isa = Isa(Kind::Portable);

    /// The matrixmultiply crate's products, for machines without FMA, and as a second opinion.
    pub const MATRIXMULTIPLY: Isa = Isa(Kind::Matrixmultiply);

    /// The fastest set of this machine: a SIMD set with fused multiply-add where there is one, else
    /// `portable` where the scalar FMA is an instruction, else `matrixmultiply`.
    pub fn detect() -> Isa {
        let usable = |kind: Kind| kind.is_present() && (kind != Kind::Portable || Kind::SCALAR_FMA);
        Kind::ALL.iter().copied().find(|&kind| usable(kind)).map_or(Isa::MATRIXMULTIPLY, Isa)
    }

    /// Every set of this machine, fastest first.
    pub fn available() -> Vec<Isa> {
        Kind::ALL.iter().copied().filter(|kind| kind.is_present()).map(Isa).collect()
    }

    /// The sets of this machine that agree to the bit.
    #[must_use]
    pub fn fused() -> Vec<Isa> {
        let mut sets = Self::available();
        sets.retain(|isa| isa.class() == ArithmeticClass::Fused);
        sets
    }

    /// The name that `FromStr` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Which arithmetic class results belong to.
    #[must_use]
    pub fn class(self) -> ArithmeticClass {
        match self.0 {
            Kind::Matrixmultiply => ArithmeticClass::Matrixmultiply,
            _ => ArithmeticClass::Fused,
        }
    }

    /// Runs `kernel` on this instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: an `Isa` of a SIMD kind is only made after `is_present` saw its CPU features; scalar code needs none.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => super::avx512::F32x16::enter(kernel),
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => super::avx2::F32x8::enter(kernel),
                Kind::Portable => Scalar::<true>::enter(kernel),
                Kind::Matrixmultiply => Scalar::<false>::enter(kernel),
            }
        }
    }
}

/// Why a name is no instruction set of this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IsaError {
    /// No set has that name.
    #[error("unknown instruction set '{name}': expected {}", names(Kind::ALL))]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The set exists, but not on this CPU.
    #[error("this CPU has no {name}: available are {}", names(&Isa::available().iter().map(|isa| isa.0).collect::<Vec<_>>()))]
    Missing {
        /// The name that was asked for.
        name: &'static str,
    },
}

fn names(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Isa {
    type Err = IsaError;

    fn from_str(name: &str) -> Result<Isa, IsaError> {
        match Kind::ALL.iter().find(|kind| kind.name() == name) {
            None => Err(IsaError::Unknown { name: name.to_owned() }),
            Some(kind) if !kind.is_present() => Err(IsaError::Missing { name: kind.name() }),
            Some(&kind) => Ok(Isa(kind)),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Isa({self})")
    }
}
