import { redisScript } from '@foldline/redis';

/** Documents by their ids in chunks: a call of Redis from Lua takes some thousand arguments. */
const DOCUMENTS = `
local function documentsOf(key, ids)
  local found = {}
  for first = 1, #ids, 1000 do
    local chunk = redis.call('HMGET', key, unpack(ids, first, math.min(first + 999, #ids)))
    for _, text in ipairs(chunk) do found[#found + 1] = text end
  end
  return found
end
`;

/**
 * One page of an index, as it is at one moment.
 * KEYS[1] base; ARGV: collection, index, from, to ('-' and '+' for no bound), 'REV' or '', limit.
 * Answers the value of the last entry or '' when there is no next page, then the documents.
 */
export const queryScript = redisScript(`${DOCUMENTS}
local index, limit = KEYS[1] .. ':index:' .. ARGV[1] .. ':' .. ARGV[2], tonumber(ARGV[6])
local members
if ARGV[5] == 'REV' then
  members = redis.call('ZREVRANGEBYLEX', index, ARGV[4], ARGV[3], 'LIMIT', 0, limit + 1)
else
  members = redis.call('ZRANGEBYLEX', index, ARGV[3], ARGV[4], 'LIMIT', 0, limit + 1)
end
local ids, cursor = {}, false
for i = 1, math.min(#members, limit) do
  local ending = string.find(members[i], '\\0\\0', 1, true)
  ids[i] = string.sub(members[i], ending + 2)
  if i == limit and #members > limit then cursor = string.sub(members[i], 1, ending - 1) end
end
return { cursor, documentsOf(KEYS[1] .. ':documents:' .. ARGV[1], ids) }
`);

/** KEYS[1] base; ARGV: collection, from, limit. Answers the ids and the documents. */
export const scanScript = redisScript(`${DOCUMENTS}
local ids = redis.call('ZRANGEBYLEX', KEYS[1] .. ':ids:' .. ARGV[1], ARGV[2], '+', 'LIMIT', 0, ARGV[3])
return { ids, documentsOf(KEYS[1] .. ':documents:' .. ARGV[1], ids) }
`);

/** KEYS[1] base; ARGV: projection, collections. Memory is given back beside, so the step is short however much there was. */
export const resetScript = redisScript(`
for i = 2, #ARGV do
  local keys = KEYS[1] .. ':keys:' .. ARGV[i]
  for _, key in ipairs(redis.call('SMEMBERS', keys)) do redis.call('UNLINK', key) end
  redis.call('UNLINK', keys)
  redis.call('SREM', KEYS[1] .. ':collections', ARGV[i])
end
redis.call('HDEL', KEYS[1] .. ':positions', ARGV[1])
`);

/** Removes a whole generation: KEYS[1] base. */
const REMOVE = `
local function remove(base)
  for _, collection in ipairs(redis.call('SMEMBERS', base .. ':collections')) do
    local keys = base .. ':keys:' .. collection
    for _, key in ipairs(redis.call('SMEMBERS', keys)) do redis.call('UNLINK', key) end
    redis.call('UNLINK', keys)
  end
  redis.call('UNLINK', base .. ':collections', base .. ':positions')
end
`;

export const removeScript = redisScript(`${REMOVE} remove(KEYS[1])`);

/**
 * Puts one generation in the place of another in one step: KEYS[1] the base that stays, ARGV[1] the base that ends.
 * Only names change, so it takes as long as there are collections and indexes, however many documents they hold.
 */
export const replaceScript = redisScript(`${REMOVE}
local to, from = KEYS[1], ARGV[1]
remove(to)
local function renamed(key) return to .. string.sub(key, #from + 1) end
for _, collection in ipairs(redis.call('SMEMBERS', from .. ':collections')) do
  local keys = from .. ':keys:' .. collection
  for _, key in ipairs(redis.call('SMEMBERS', keys)) do
    if redis.call('EXISTS', key) == 1 then
      redis.call('RENAME', key, renamed(key))
      redis.call('SADD', renamed(keys), renamed(key))
    end
  end
  redis.call('UNLINK', keys)
end
for _, name in ipairs({ ':collections', ':positions' }) do
  if redis.call('EXISTS', from .. name) == 1 then redis.call('RENAME', from .. name, to .. name) end
end
`);

/**
 * Copies one generation into another, which is new, in one step: KEYS[1] the base to copy, ARGV[1] the base of the copy,
 * ARGV[2] after how many seconds the copy is gone. Takes the longer the more there is, and the memory again.
 */
export const copyScript = redisScript(`
local from, to = KEYS[1], ARGV[1]
local function copied(key)
  local name = to .. string.sub(key, #from + 1)
  if redis.call('COPY', key, name) == 1 then redis.call('EXPIRE', name, ARGV[2]) end
  return name
end
for _, collection in ipairs(redis.call('SMEMBERS', from .. ':collections')) do
  local keys = from .. ':keys:' .. collection
  for _, key in ipairs(redis.call('SMEMBERS', keys)) do
    redis.call('SADD', to .. ':keys:' .. collection, copied(key))
  end
  redis.call('EXPIRE', to .. ':keys:' .. collection, ARGV[2])
end
copied(from .. ':collections')
copied(from .. ':positions')
`);
