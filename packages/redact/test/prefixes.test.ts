import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { redactText } from '../src/index.ts'
import { PREFIXES } from '../src/prefixes.ts'
import { MARKED } from './secrets.ts'

describe('credentials that their issuers mark', () => {
  for (const [mark, body] of MARKED) {
    it(`are hidden after ${mark}, and the mark stays`, () => {
      fc.assert(
        fc.property(body, (secret) => {
          const shown = redactText(`got "${mark}${secret}", then`)
          assert.ok(shown.endsWith('<redacted>", then'), shown)
          assert.ok(shown.startsWith(`got "${mark.slice(-3)}`) || shown.startsWith(`got "${mark}`), shown)
          assert.ok(!shown.includes(secret.slice(-8)), shown)
        }),
        { numRuns: 20 },
      )
    })
  }

  it('are each tried here', () => {
    for (const { issuer, mark } of PREFIXES) {
      const pattern = new RegExp(mark)
      const tried = MARKED.some(([example]) => pattern.test(example)) || mark.includes('sig=')
      assert.ok(tried, `${issuer}: ${mark}`)
    }
  })

  it('are not seen in words that only begin alike', () => {
    const texts = [
      'disk_live_migration_started',
      'task_test_runner_finished',
      'mrkt_campaign_2026 task-0123456789abcdef0123456789abcdef',
      'npm_config_registry npm_lifecycle_event',
      'xoxo-hugs-and-kisses glpat- AIza hvs. SG.readme.md',
      'ghp_short sk-learn-contrib sk-ant whsec_ hf_hub',
      'AKIAIOSFODNN7 is an id, AKIA too',
    ]
    for (const text of texts) assert.equal(redactText(text), text)
  })

  it('are hidden beside the id of an access key, which stays', () => {
    const id = `${'AKIA'}IOSFODNN7ABCDEFG`
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYabcdefgh+1'
    assert.equal(redactText(`${id},${secret}`), `${id},<redacted>`)
    assert.equal(redactText(`key ${id} with ${secret}.`), `key ${id} with <redacted>.`)
    const commit = '2fd4e1c67a2d28fced849ee1bb76e7391b93eb12'
    assert.equal(redactText(`${id} since ${commit}`), `${id} since ${commit}`)
  })
})
