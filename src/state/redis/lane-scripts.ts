import { createHash } from 'node:crypto';

/** A Lua script, and the name under which the server keeps it once it has seen it. */
export interface LaneScript {
  readonly text: string;
  readonly sha: string;
}

function script(text: string): LaneScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/**
 * Fields of a lane's meta hash: `fmt` format of all its keys, `gen` generation, `tok` owner, `seq` and
 * `off` of the last commit, `ep` = epoch@off of the leader before it, `dlo` oldest delta, `out` number of output chunks, `b:<group>` seq at which
 * that base was written, `phase` = restoring while a snapshot is being installed. A script checks all
 * before its first write, writes data first and `seq` last.
 */

/** Says what keys or fields of a lane no script of ours wrote; nil when there is nothing. KEYS m d o. */
const findDamage = `
local function damage()
  for i = 1, 3 do
    local kind = redis.call('TYPE', KEYS[i]).ok
    if kind ~= 'none' and kind ~= 'hash' then return KEYS[i] .. ' is a ' .. kind end
  end
  local m = redis.call('HMGET', KEYS[1], 'fmt', 'gen')
  if m[1] and not tonumber(m[1]) then return 'fmt is no number' end
  if m[1] and not tonumber(m[2] or '') then return 'gen is no number' end
  return nil
end
`;

/** KEYS m d o; ARGV token generation format. Takes the lane over, unless there is nothing that may be taken over. */
export const claimScript = script(`${findDamage}
local broken = damage()
if broken then return {'BROKEN', broken} end
local m = redis.call('HMGET', KEYS[1], 'fmt', 'gen')
if not m[1] then return {'MISSING', tostring(redis.call('EXISTS', KEYS[2], KEYS[3]))} end
if tonumber(m[1]) > tonumber(ARGV[3]) then return {'FORMAT', m[1]} end
if tonumber(m[2]) > tonumber(ARGV[2]) then return {'NEWER', m[2]} end
if tonumber(m[2]) < tonumber(ARGV[2]) then return {'OLDER', m[2], redis.call('HGETALL', KEYS[1])} end
redis.call('HSET', KEYS[1], 'tok', ARGV[1])
return {'OK', m[2], redis.call('HGETALL', KEYS[1]), redis.call('HKEYS', KEYS[3])}
`);

/** KEYS m d o; ARGV token. Drops a lane that is damaged, or whose record its owner (the token) cannot read. */
export const dropScript = script(`${findDamage}
if not damage() and redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return 'FENCED' end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
return 'OK'
`);

/** KEYS m o. What the lane holds now, for whoever copies it. */
export const lookScript = script(`
return {redis.call('HGETALL', KEYS[1]), redis.call('HKEYS', KEYS[2])}
`);

/**
 * KEYS m d o b...; ARGV expected-token token generation format phase. Empties the lane and makes it
 * ours, if its owner is still the expected one ('' = nobody).
 */
export const beginScript = script(`
if (redis.call('HGET', KEYS[1], 'tok') or '') ~= ARGV[1] then return 'FENCED' end
for i = 1, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('HSET', KEYS[1], 'tok', ARGV[2], 'gen', ARGV[3], 'fmt', ARGV[4], 'seq', '0', 'off', '0', 'dlo', '1', 'out', '0', 'phase', ARGV[5])
return 'OK'
`);

/** KEYS m target; ARGV token field blob. One blob of a snapshot; an empty field = the key itself. */
export const putScript = script(`
local m = redis.call('HMGET', KEYS[1], 'tok', 'phase')
if m[1] ~= ARGV[1] or m[2] ~= 'restoring' then return 'FENCED' end
if ARGV[2] == '' then redis.call('SET', KEYS[2], ARGV[3]) else redis.call('HSET', KEYS[2], ARGV[2], ARGV[3]) end
return 'OK'
`);

/** KEYS m; ARGV token then pairs of meta fields. The snapshot is all there: the lane is whole again. */
export const finishScript = script(`
local m = redis.call('HMGET', KEYS[1], 'tok', 'phase')
if m[1] ~= ARGV[1] or m[2] ~= 'restoring' then return 'FENCED' end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'phase', '')
return 'OK'
`);

/**
 * KEYS m d o b...; ARGV token prevSeq prevOffset('' = not said) seq nextOffset oldestDelta delta
 * hasOutput output epoch nAcknowledged acknowledged... then group and bytes of each base.
 */
export const commitScript = script(`
local m = redis.call('HMGET', KEYS[1], 'tok', 'seq', 'off', 'dlo', 'phase')
if m[1] ~= ARGV[1] then return 'FENCED' end
if m[5] ~= '' then return 'GAP' end
if m[2] == ARGV[4] and m[3] == ARGV[5] then return 'DUP' end
if m[2] ~= ARGV[2] then return 'GAP' end
if m[2] ~= '0' and ARGV[3] ~= '' and m[3] ~= ARGV[3] then return 'GAP' end
local seq, oldest, newOldest = tonumber(ARGV[4]), tonumber(m[4]), tonumber(ARGV[6])
if not oldest then return 'GAP' end
if newOldest > seq + 1 then newOldest = seq + 1 end
if newOldest < oldest then newOldest = oldest end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[7])
if ARGV[8] == '1' then redis.call('HSET', KEYS[3], ARGV[4], ARGV[9]) end
local acknowledged = tonumber(ARGV[11])
local base = 12 + acknowledged
for i = 4, #KEYS do
  redis.call('SET', KEYS[i], ARGV[base + 1])
  redis.call('HSET', KEYS[1], 'b:' .. ARGV[base], ARGV[4])
  base = base + 2
end
for i = 12, 11 + acknowledged do redis.call('HDEL', KEYS[3], ARGV[i]) end
for s = oldest, newOldest - 1 do redis.call('HDEL', KEYS[2], string.format('%.0f', s)) end
redis.call('HSET', KEYS[1], 'seq', ARGV[4], 'off', ARGV[5], 'ep', ARGV[10], 'dlo', string.format('%.0f', newOldest), 'out', redis.call('HLEN', KEYS[3]))
return 'OK'
`);

/** KEYS m; ARGV token seq. */
export const checkScript = script(`
local m = redis.call('HMGET', KEYS[1], 'tok', 'seq')
if m[1] ~= ARGV[1] then return 'FENCED' end
if m[2] ~= ARGV[2] then return 'GAP' end
return 'OK'
`);

/** KEYS m o; ARGV token acknowledged... */
export const trimScript = script(`
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return 'FENCED' end
for i = 2, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
redis.call('HSET', KEYS[1], 'out', redis.call('HLEN', KEYS[2]))
return 'OK'
`);
