//! Puts the functions of a module where gzip finds them alike. It looks for repetition in the 32 KB before a byte, and the
//! linker puts functions there by where they came from: instances of one generic function are far apart.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;

use anyhow::{Context, Result};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{CodeSectionReader, FunctionSectionReader, Parser, Payload, TypeRef};

/// What is looked for in other functions: so many bytes in a row.
const PIECE: usize = 6;
/// In how many bytes before a function.
const WINDOW: usize = 8_000;
/// Between the number of bytes that are found (1 would take one long function after the other: 0) and their share (1).
const SHARE: f64 = 0.75;

type Piece = [u8; PIECE];

/// The same module with its functions in another order.
pub(crate) fn by_likeness(module: &[u8]) -> Result<Vec<u8>> {
    let (imported, bodies) = functions(module)?;
    let order = Likeness::of(&bodies).order();
    let mut place = vec![0; order.len()];
    for (to, from) in (0..).zip(&order) {
        place[*from] = to;
    }
    let mut ordered = Module::new();
    Ordered { imported, order, place }
        .parse_core_module(&mut ordered, Parser::new(0), module)
        .context("the module cannot be written anew")?;
    Ok(ordered.finish())
}

/// How many functions a module imports, and the bodies of its own.
fn functions(module: &[u8]) -> Result<(u32, Vec<&[u8]>)> {
    let (mut imported, mut bodies) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::CodeSectionEntry(body) = payload {
            bodies.push(&module[body.range()]);
        } else if let Payload::ImportSection(section) = payload {
            for import in section.into_imports() {
                imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
            }
        }
    }
    Ok((imported, bodies))
}

fn pieces(body: &[u8]) -> impl Iterator<Item = &Piece> {
    body.windows(PIECE).filter_map(|piece| piece.try_into().ok())
}

/// Which functions have how much in common with those that were placed last.
struct Likeness<'a> {
    bodies: &'a [&'a [u8]],
    /// In which functions a piece is found, as often as it is.
    found: HashMap<&'a Piece, Vec<usize>>,
    /// The functions in the window, and how many bytes they are.
    placed: VecDeque<usize>,
    bytes: usize,
    /// How often a piece is in the window.
    seen: HashMap<&'a Piece, u32>,
    /// How many of a function's pieces are in the window.
    common: Vec<u32>,
}

impl<'a> Likeness<'a> {
    fn of(bodies: &'a [&'a [u8]]) -> Self {
        let mut found: HashMap<_, Vec<usize>> = HashMap::new();
        for (function, body) in bodies.iter().enumerate() {
            for piece in pieces(body) {
                found.entry(piece).or_default().push(function);
            }
        }
        let (placed, seen) = (VecDeque::new(), HashMap::new());
        Self { bodies, found, placed, bytes: 0, seen, common: vec![0; bodies.len()] }
    }

    /// After each function the one that is most like those before it.
    fn order(mut self) -> Vec<usize> {
        let mut left: Vec<usize> = (0..self.bodies.len()).collect();
        let mut order = Vec::with_capacity(left.len());
        let length = |body: &&[u8]| {
            let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
            f64::from(length.max(1)).powf(SHARE)
        };
        let lengths: Vec<f64> = self.bodies.iter().map(length).collect();
        let likeness =
            |function: usize, common: &[u32]| f64::from(common[function]) / lengths[function];
        while let Some(next) = (0..left.len()).max_by(|a, b| {
            likeness(left[*a], &self.common).total_cmp(&likeness(left[*b], &self.common))
        }) {
            let function = left.swap_remove(next);
            order.push(function);
            self.enter(function);
        }
        order
    }

    fn enter(&mut self, function: usize) {
        for piece in pieces(self.bodies[function]) {
            let seen = self.seen.entry(piece).or_default();
            *seen += 1;
            if *seen == 1 {
                self.found[piece].iter().for_each(|function| self.common[*function] += 1);
            }
        }
        self.placed.push_back(function);
        self.bytes += self.bodies[function].len();
        while self.bytes > WINDOW && self.placed.len() > 1 {
            if let Some(first) = self.placed.pop_front() {
                self.leave(first);
            }
        }
    }

    fn leave(&mut self, function: usize) {
        for piece in pieces(self.bodies[function]) {
            if let Some(seen) = self.seen.get_mut(piece) {
                *seen -= 1;
                if *seen == 0 {
                    self.found[piece].iter().for_each(|function| self.common[*function] -= 1);
                }
            }
        }
        self.bytes -= self.bodies[function].len();
    }
}

/// Writes a module's functions in another order, and the new number wherever one is named.
struct Ordered {
    imported: u32,
    /// Which function comes where; imported ones are not counted.
    order: Vec<usize>,
    /// Where a function comes.
    place: Vec<u32>,
}

impl Reencode for Ordered {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        let Some(own) = function.checked_sub(self.imported) else { return Ok(function) };
        Ok(self.imported + self.place[own as usize])
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let types = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for from in &self.order {
            functions.function(types[*from]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let bodies = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for from in self.order.clone() {
            utils::parse_function_body(self, code, bodies[from].clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        EntityType, ExportKind, ExportSection, Function, ImportSection, TypeSection, ValType,
    };
    use wasmparser::Operator;

    use super::*;

    /// Functions of two kinds in turn, which say their number and call the one after them; each is exported by it.
    fn module(count: u32) -> Vec<u8> {
        let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
        let (mut functions, mut exports) = (FunctionSection::new(), ExportSection::new());
        let mut code = CodeSection::new();
        types.ty().function([], []);
        imports.import("outside", "last", EntityType::Function(0));
        for number in 0..count {
            functions.function(0);
            exports.export(&number.to_string(), ExportKind::Func, 1 + number);
            let mut body = Function::new([(2, ValType::I32)]);
            let mut write = body.instructions();
            write.i32_const(number.cast_signed()).drop();
            for _ in 0..40 {
                if number % 2 == 0 {
                    write.local_get(0).i32_clz().local_set(1);
                } else {
                    write.local_get(1).i32_const(7).i32_mul().local_set(0);
                }
            }
            // The last one calls what is imported.
            write.call((number + 2) % (count + 1)).end();
            code.function(&body);
        }
        let mut module = Module::new();
        module
            .section(&types)
            .section(&imports)
            .section(&functions)
            .section(&exports)
            .section(&code);
        module.finish()
    }

    /// What a function says, and whom it calls.
    type Said = (i32, u32);

    /// The functions in the order in which they come; and which one a name stands for.
    fn read(module: &[u8]) -> (Vec<Said>, Vec<(String, u32)>) {
        let (mut said, mut named) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload.unwrap();
            if let Payload::ExportSection(section) = payload {
                let exports = section.into_iter().map(Result::unwrap);
                named.extend(exports.map(|export| (export.name.to_owned(), export.index)));
            } else if let Payload::CodeSectionEntry(body) = payload {
                let operators = body.get_operators_reader().unwrap().into_iter();
                let mut operators = operators.map(Result::unwrap);
                let Some(Operator::I32Const { value }) = operators.next() else { panic!() };
                let calls = |operator| {
                    if let Operator::Call { function_index } = operator {
                        Some(function_index)
                    } else {
                        None
                    }
                };
                said.push((value, operators.find_map(calls).unwrap()));
            }
        }
        (said, named)
    }

    #[test]
    fn like_functions_come_together_and_every_name_and_call_means_what_it_meant() {
        let ordered = by_likeness(&module(8)).unwrap();
        let (said, named) = read(&ordered);
        let kinds: Vec<_> = said.iter().map(|(number, _)| number % 2).collect();
        let changes = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert_eq!(changes, 1, "{kinds:?}");
        for (name, index) in &named {
            let (number, calls) = said[*index as usize - 1];
            assert_eq!(number.to_string(), *name);
            if number == 7 {
                assert_eq!(calls, 0, "the imported one");
            } else {
                assert_eq!(said[calls as usize - 1].0, number + 1);
            }
        }
        assert_eq!(by_likeness(&module(8)).unwrap(), ordered, "the same module each time");
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(by_likeness(b"not a module").is_err());
    }
}
