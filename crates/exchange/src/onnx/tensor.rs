//! Constants of a graph that is read.

use super::proto::TensorProto;
use super::proto::tensor_proto::{DataLocation, DataType};
use crate::error::Error;
use half::{bf16, f16};

/// The shape of a tensor, if its numbers can be addressed.
pub(super) fn shape(tensor: &TensorProto) -> Result<Vec<usize>, Error> {
    let refused =
        || Error::tensor(tensor.name(), "a shape that can be addressed", format!("{:?}", tensor.dims), "");
    let dims: Option<Vec<usize>> = tensor.dims.iter().map(|&n| usize::try_from(n).ok()).collect();
    let dims = dims.ok_or_else(refused)?;
    dims.iter().try_fold(8_usize, |product, &n| product.checked_mul(n)).ok_or_else(refused)?;
    Ok(dims)
}

/// The numbers of a tensor. They are counted before memory is asked for.
pub(super) fn numbers<T>(tensor: &TensorProto, of: impl Fn(f64) -> T) -> Result<Vec<T>, Error> {
    let name = tensor.name();
    if tensor.data_location() == DataLocation::External {
        return Err(Error::tensor(
            name,
            "numbers in the file",
            "numbers in another file",
            "save the model as one file",
        ));
    }
    let count: usize = shape(tensor)?.iter().product();
    let kind = tensor.data_type.unwrap_or_default();
    let kind = DataType::try_from(kind)
        .map_err(|_| Error::tensor(name, "a type of ONNX", format!("number {kind}"), ""))?;
    let raw = tensor.raw_data.as_deref().filter(|raw| !raw.is_empty());
    let counted = |found: usize| match found == count {
        true => Ok(()),
        false => {
            Err(Error::tensor(name, format!("{count} numbers, for its shape {:?}", tensor.dims), found, ""))
        }
    };
    match (kind, raw) {
        (DataType::Float, Some(raw)) => wide(raw, f32::from_le_bytes, counted, |x| of(f64::from(x))),
        (DataType::Double, Some(raw)) => wide(raw, f64::from_le_bytes, counted, of),
        (DataType::Float16, Some(raw)) => wide(raw, f16::from_le_bytes, counted, |x| of(x.to_f64())),
        (DataType::Bfloat16, Some(raw)) => wide(raw, bf16::from_le_bytes, counted, |x| of(x.to_f64())),
        (DataType::Int64, Some(raw)) => wide(raw, i64::from_le_bytes, counted, |x| of(x as f64)),
        (DataType::Int32, Some(raw)) => wide(raw, i32::from_le_bytes, counted, |x| of(f64::from(x))),
        (DataType::Float, None) => listed(&tensor.float_data, counted, |x| of(f64::from(x))),
        (DataType::Double, None) => listed(&tensor.double_data, counted, of),
        (DataType::Int64, None) => listed(&tensor.int64_data, counted, |x| of(x as f64)),
        (DataType::Int32, None) => listed(&tensor.int32_data, counted, |x| of(f64::from(x))),
        (DataType::Float16, None) => {
            listed(&tensor.int32_data, counted, |x| of(f16::from_bits(x as u16).to_f64()))
        }
        (DataType::Bfloat16, None) => {
            listed(&tensor.int32_data, counted, |x| of(bf16::from_bits(x as u16).to_f64()))
        }
        (other, _) => Err(Error::tensor(name, "numbers", format!("the type {}", other.as_str_name()), "")),
    }
}

/// Numbers of N bytes each.
fn wide<const N: usize, X, T>(
    raw: &[u8],
    read: impl Fn([u8; N]) -> X,
    counted: impl Fn(usize) -> Result<(), Error>,
    of: impl Fn(X) -> T,
) -> Result<Vec<T>, Error> {
    let (chunks, rest) = raw.as_chunks::<N>();
    counted(if rest.is_empty() { chunks.len() } else { chunks.len() + 1 })?;
    Ok(chunks.iter().map(|bytes| of(read(*bytes))).collect())
}

fn listed<X: Copy, T>(
    list: &[X],
    counted: impl Fn(usize) -> Result<(), Error>,
    of: impl Fn(X) -> T,
) -> Result<Vec<T>, Error> {
    counted(list.len())?;
    Ok(list.iter().map(|&x| of(x)).collect())
}
