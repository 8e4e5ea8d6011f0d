//! Lua as Redis embeds it: `redis.call`, `redis.pcall`, `KEYS`, `ARGV`, and the translation of
//! replies in both ways.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Result, Table, Value, Variadic};
use steadfast_rig::Reply;

use super::data::Data;

/// Which Redis raises errors in a script as texts, and which as tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// 6.2.
    Old,
    /// 7.0 and later.
    New,
}

/// `redis.call` raises an error as the table that it is, which only Lua itself can do; an old Redis raises
/// its text, with the place before it where the server itself refuses. As in Redis, a script makes no
/// global variables.
const PRELUDE: &str = r"
    local command, is_old = ...
    redis = {
        pcall = command,
        call = function(...)
            local reply = command(...)
            if type(reply) ~= 'table' or not reply.err then return reply end
            if not is_old then error(reply) end
            local of_server = string.match(reply.err, '^OOM ') or string.match(reply.err, '^READONLY ')
            error(of_server and '@user_script: 7: -' .. reply.err or reply.err, 0)
        end,
    }
    setmetatable(_G, { __newindex = function(_, name)
        error('Script attempted to create global variable ' .. tostring(name), 2)
    end })
";

pub(super) fn open(data: &Rc<RefCell<Data>>, age: Age) -> Result<Lua> {
    let lua = Lua::new();
    let data = Rc::clone(data);
    let command = lua.create_function(move |lua, args: Variadic<Value>| {
        let words: Vec<String> = args.iter().map(word).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut data = data.borrow_mut();
        data.commands += 1;
        into_lua(lua, data.call(&words))
    })?;
    lua.load(PRELUDE).call::<()>((command, age == Age::Old))?;
    Ok(lua)
}

pub(super) fn run(lua: &Lua, script: &Function, keys: &[&str], args: &[&str]) -> Result<Reply> {
    let globals = lua.globals();
    globals.raw_set("KEYS", lua.create_sequence_from(keys.iter().copied())?)?;
    globals.raw_set("ARGV", lua.create_sequence_from(args.iter().copied())?)?;
    let results: MultiValue = script.call(())?;
    from_lua(results.front().unwrap_or(&Value::Nil))
}

/// An argument of a command. Numbers are written as Redis does it, with 17 digits where they are not
/// whole.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string_lossy(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e17 => {
            format!("{number:.0}")
        }
        Value::Number(number) => format!("{number:.17e}"),
        other => format!("<{}>", other.type_name()),
    }
}

fn into_lua(lua: &Lua, reply: Reply) -> Result<Value> {
    Ok(match reply {
        Reply::Nil => Value::Boolean(false),
        Reply::Int(number) => Value::Number(number as f64),
        Reply::Text(text) => Value::String(lua.create_string(text)?),
        Reply::Error(text) => {
            let table = lua.create_table()?;
            table.raw_set("err", text)?;
            Value::Table(table)
        }
        Reply::Array(items) => {
            let items = items.into_iter().map(|item| into_lua(lua, item));
            Value::Table(lua.create_sequence_from(items.collect::<Result<Vec<_>>>()?)?)
        }
    })
}

fn from_lua(value: &Value) -> Result<Reply> {
    Ok(match value {
        Value::Integer(number) => Reply::Int(*number),
        Value::Number(number) => Reply::Int(*number as i64),
        Value::String(text) => Reply::Text(text.to_string_lossy()),
        Value::Boolean(true) => Reply::Int(1),
        Value::Table(table) => from_table(table)?,
        _ => Reply::Nil,
    })
}

fn from_table(table: &Table) -> Result<Reply> {
    if let Some(error) = table.raw_get::<Option<String>>("err")? {
        return Ok(Reply::Error(error));
    }
    let items = table.sequence_values::<Value>();
    let items = items.map(|item| from_lua(&item?));
    Ok(Reply::Array(items.collect::<Result<_>>()?))
}
