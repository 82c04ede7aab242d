import { redisScript } from '@foldline/redis';

/**
 * One step that changes documents, index entries and the position together. A script of Redis is not rolled back when
 * it fails, so everything that can be refused is looked at before the first write.
 *
 * KEYS[1]  what every key of the generation begins with
 * ARGV     projection, position, expected position or '', then per write: collection, id, stored text or '' to remove
 *
 * A stored text is `<JSON list of index, value, index, value …>\n<JSON of the document>`: the entries lie beside their
 * document, so that the next change knows which to take away. A member of an index is `<value>\0\0<id>` with every \0 in
 * the value written as \0\1: members then sort as the bytes of their values do, and the id is found behind the first
 * \0\0. Answers the position that is stored afterwards, or the
 * index and the value that another document has.
 */
export const applyScript = redisScript(`
local base, projection, position, expected = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local stored = redis.call('HGET', base .. ':positions', projection) or '0'
if expected ~= '' and tonumber(expected) ~= tonumber(stored) then return stored end

local function lineOf(text)
  if not text or text == '' then return '[]' end
  return string.sub(text, 1, string.find(text, '\\n', 1, true) - 1)
end

local function entriesOf(line, collection)
  local entries = {}
  local list = cjson.decode(line)
  for i = 1, #list, 2 do entries[base .. ':index:' .. collection .. ':' .. list[i]] = list[i + 1] end
  return entries
end

local writes, given, taken = {}, {}, {}
for i = 4, #ARGV, 3 do
  local collection, id, text = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local documents = base .. ':documents:' .. collection
  local before = redis.call('HGET', documents, id)
  local write = { collection = collection, id = id, text = text, isNew = not before, remove = {}, add = {} }
  local lineBefore, line = lineOf(before), lineOf(text)
  -- Most changes leave a document where it stands.
  if lineBefore ~= line then
    local old, new = entriesOf(lineBefore, collection), entriesOf(line, collection)
    for index, value in pairs(old) do
      if new[index] == value then
        new[index] = nil
      else
        local member = value .. '\\0\\0' .. id
        write.remove[index] = member
        given[index .. '\\0' .. member] = true
      end
    end
    write.add = new
  end
  writes[#writes + 1] = write
end

for _, write in ipairs(writes) do
  for index, value in pairs(write.add) do
    local begin = value .. '\\0\\0'
    local owner = redis.call('ZRANGEBYLEX', index, '[' .. begin, '(' .. value .. '\\0\\1', 'LIMIT', 0, 1)[1]
    if taken[index .. '\\0' .. begin] or (owner and not given[index .. '\\0' .. owner]) then
      return { index, value }
    end
    taken[index .. '\\0' .. begin] = true
  end
end

for _, write in ipairs(writes) do
  for index, member in pairs(write.remove) do redis.call('ZREM', index, member) end
end
local keys = {}
local function note(collection, key)
  keys[collection] = keys[collection] or {}
  keys[collection][key] = true
end
for _, write in ipairs(writes) do
  local documents, ids = base .. ':documents:' .. write.collection, base .. ':ids:' .. write.collection
  if write.text == '' then
    redis.call('HDEL', documents, write.id)
    redis.call('ZREM', ids, write.id)
  else
    redis.call('HSET', documents, write.id, write.text)
    if write.isNew then
      redis.call('ZADD', ids, 0, write.id)
      note(write.collection, documents)
      note(write.collection, ids)
    end
  end
  for index, value in pairs(write.add) do
    redis.call('ZADD', index, 0, value .. '\\0\\0' .. write.id)
    note(write.collection, index)
  end
end
for collection, all in pairs(keys) do
  redis.call('SADD', base .. ':collections', collection)
  for key in pairs(all) do redis.call('SADD', base .. ':keys:' .. collection, key) end
end
redis.call('HSET', base .. ':positions', projection, position)
return position
`);
