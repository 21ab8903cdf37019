/** What rules and dashboard read is what instances tell: those of a whole estate, as a person starts one. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Place, type Up } from 'rekey/testing'
import { root } from '../../repository.ts'
import { type Selector, selectorsOf, toldIn } from './expression.ts'
import { panels, rules } from './files.ts'

/**
 * Of Prometheus itself; of a bootstrap, which tells a Pushgateway (`registration/src/metrics/push.ts`); and of a backend that
 * authenticates by a secret, which this estate's does not: `../start.test.ts` has one that does.
 */
const elsewhere = new Map([
  ['up', new Set<string>()],
  ['bff_dcr_status', new Set(['status'])],
  ['bff_client_secret_position', new Set<string>()],
])
/** Given by whoever scrapes. */
const ofScrapes = ['job', 'instance']

describe('what is read of metrics', { timeout: 120_000 }, () => {
  let place: Place
  let up: Up
  const told = new Map<string, Set<string>>(elsewhere)

  before(async () => {
    place = await Place.find()
    up = place.up()
    await up.ready()
    const { idp, bff, apis } = place.estate
    for (const url of [idp, String(bff), ...apis]) {
      const text = await (await fetch(`${url}/metrics`)).text()
      for (const [name, labels] of toldIn(text)) told.set(name, new Set([...labels, ...(told.get(name) ?? [])]))
    }
    for (const { record } of rules()) if (record) told.set(record, new Set())
  })
  after(async () => {
    if (up.process.exitCode === null) {
      up.process.kill('SIGTERM')
      await once(up.process, 'close')
    }
    place.remove()
  })

  const isTold = ({ metric, labels }: Selector) => {
    const seen = told.get(metric)
    // Of what has no series yet nobody knows its labels.
    return seen && (seen.size === 0 || labels.every((label) => seen.has(label) || ofScrapes.includes(label)))
  }
  const untold = (expr: string) => selectorsOf(expr).filter((selector) => !isTold(selector))

  it('by rules is told by instances', () => {
    for (const { alert, record, expr } of rules()) assert.deepEqual(untold(expr), [], alert ?? record)
  })

  it('by the dashboard is told by instances', () => {
    for (const { title, targets = [] } of panels()) {
      for (const { expr } of targets) assert.deepEqual(untold(expr), [], title)
    }
  })

  it('by people is told by instances', () => {
    const text = readFileSync(join(root, 'docs/monitoring.md'), 'utf8')
    const named = [...text.matchAll(/`((?:rekey|agentidp|bff)_[a-z_]+)`/g)].map(([, name = '']) => name)
    assert.deepEqual(
      named.filter((name) => !told.has(name)),
      [],
    )
  })

  it('and would be missed otherwise', () => {
    assert.deepEqual(untold('rekey_no_such_metric > 0').length, 1)
    assert.deepEqual(untold('rekey_keyring_versions{colour="red"}').length, 1)
  })
})
