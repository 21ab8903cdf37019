import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NamedKeys } from '../../src/backup/named-keys.ts'

const longest = `columns-${'a'.repeat(72)}`
const text = `${'x'.repeat(200)}
s1.0123456789ab.iv.text	c1.columns-2f.iv.text	{"publicPart": {"known": "c1.columns-1e.iv.text"}}	c1.${longest}.iv.text
xs1.ba9876543210.iv.text	{"owner": "c1.columns-3d.iv.text"}`

test('the keys that values need are found however the stream is cut, and those of known texts are not among them', () => {
  const needed = { rootKeys: ['0123456789ab'], columnKeys: ['columns-2f', 'columns-3d', longest] }
  for (let size = 1; size <= text.length; size++) {
    const keys = new NamedKeys()
    for (let at = 0; at < text.length; at += size) keys.read(Buffer.from(text.slice(at, at + size)))
    assert.deepEqual(keys.found(), needed, `in pieces of ${size}`)
  }
})
