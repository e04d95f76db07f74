// A Rust program that calls a kernel by tvm-ffi's calling convention and by its C entry, with no
// crate and without tvm-ffi.
use std::ffi::{c_char, c_int, c_void, CStr};
use std::ptr::null_mut;

#[repr(C)]
struct Tensor {
    data: *mut c_void,
    device_type: i32,
    device_id: i32,
    ndim: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *const i64,
    strides: *const i64,
    byte_offset: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
union Payload {
    i: i64,
    f: f64,
    p: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Value {
    kind: i32,
    zero: u32,
    payload: Payload,
}

extern "C" {
    fn __tvm_ffi_axpy(handle: *mut c_void, args: *const Value, n: i32, result: *mut Value) -> c_int;
    fn axpy_error() -> *const c_char;
}

fn tensor(values: &mut [f32], shape: &[i64; 1]) -> Tensor {
    Tensor {
        data: values.as_mut_ptr().cast(),
        device_type: 1,
        device_id: 0,
        ndim: 1,
        code: 2,
        bits: 32,
        lanes: 1,
        shape: shape.as_ptr(),
        strides: std::ptr::null(),
        byte_offset: 0,
    }
}

fn call(x: &mut Tensor, y: &mut Tensor, alpha: f64) -> Result<(), String> {
    let of = |t: *mut Tensor| Value { kind: 7, zero: 0, payload: Payload { p: t.cast() } };
    let args = [of(x), of(y), Value { kind: 3, zero: 0, payload: Payload { f: alpha } }];
    let mut result = Value { kind: 0, zero: 0, payload: Payload { i: 0 } };
    match unsafe { __tvm_ffi_axpy(null_mut(), args.as_ptr(), 3, &mut result) } {
        0 => Ok(()),
        _ => Err(unsafe { CStr::from_ptr(axpy_error()) }.to_string_lossy().into_owned()),
    }
}

fn main() {
    let (mut a, mut b) = (vec![1.0f32, 2.0, 3.0], vec![0.0f32; 3]);
    let (three, two) = ([3i64], [2i64]);
    call(&mut tensor(&mut a, &three), &mut tensor(&mut b, &three), 2.0).unwrap();
    assert_eq!(b, [2.0, 4.0, 6.0]);
    let told = call(&mut tensor(&mut a, &two), &mut tensor(&mut b, &three), 2.0).unwrap_err();
    assert_eq!(b, [2.0, 4.0, 6.0]);
    println!("{told}");
}
