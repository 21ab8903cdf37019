import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { root } from '../../repository.ts'
import { alerts, cases, panels, prometheusFolder } from './files.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const agreed = ['CredentialExpiryApproaching', 'RekeyKeyOverdue', 'RekeyGateWaiting', 'RekeyVerifierLagging']
const agreedToo = ['RekeyLeaseTrouble', 'RekeyAuditIntegrity', 'RekeyWebhookDeadLetters', 'RekeyTripwire']

/** As those who show Markdown make the anchor of a heading. */
const anchorsOf = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )

describe('the alerts', () => {
  it('are there for what must not go unnoticed, each once', () => {
    const names = alerts().map(({ alert }) => alert)
    for (const name of [...agreed, ...agreedToo, 'RekeyAdministrationFrozen']) assert.ok(names.includes(name), name)
    assert.equal(new Set(names).size, names.length)
  })

  it('tell at once of credentials that expire soon', () => {
    assert.equal(alerts().find(({ alert }) => alert === 'CredentialExpiryApproaching')?.for, '0m')
  })

  for (const { alert, labels, annotations } of alerts()) {
    it(`${alert} says how bad it is, for whom, what it is and what helps`, () => {
      assert.deepEqual(Object.keys(labels).sort(), ['severity', 'team'])
      assert.match(labels.severity ?? '', /^(?:critical|warning|info)$/)
      assert.match(labels.team ?? '', /^(?:security|platform)$/)
      assert.deepEqual(Object.keys(annotations).sort(), ['description', 'runbook', 'summary'])
    })

    it(`${alert} leads to a section that there is, which says for how long it waits`, () => {
      const [path = '', anchor = ''] = annotations.runbook?.split('#') ?? []
      assert.ok(anchorsOf(read(path)).includes(anchor))
      assert.equal(anchor, alert.toLowerCase())
    })

    it(`${alert} is tested: that it fires, not before, and that it resolves`, () => {
      const own = cases().find(({ name }) => name === alert)?.alert_rule_test ?? []
      assert.deepEqual(
        own.map(({ exp_alerts }) => exp_alerts?.length ?? 0),
        [0, 1, 0],
      )
    })
  }
})

describe('what sends and shows them', () => {
  it('routes each team, and what is critical', () => {
    const { route, receivers } = parse(read('deploy/alertmanager/alertmanager.yml'))
    const matched = JSON.stringify(route)
    for (const matcher of ['severity=\\"critical\\"', 'team=\\"security\\"'])
      assert.ok(matched.includes(matcher), matcher)
    const named = receivers.map(({ name }: { name: string }) => name)
    for (const { receiver } of [route, ...route.routes]) assert.ok(named.includes(receiver), receiver)
  })

  it('inhibits only alerts that there are', () => {
    const names = alerts().map(({ alert }) => alert)
    const text = read('deploy/alertmanager/alertmanager.yml')
    const named = [...text.matchAll(/alertname=~?"([^"]+)"/g)].flatMap(([, each = '']) => each.split('|'))
    assert.ok(named.length > 0)
    assert.deepEqual(
      named.filter((name) => !names.includes(name)),
      [],
    )
  })

  it('scrapes by the names of jobs that the rules know', () => {
    const { scrape_configs: scrapes } = parse(readFileSync(join(prometheusFolder, 'prometheus.yml'), 'utf8'))
    const jobs = scrapes.map(({ job_name: job }: { job_name: string }) => job)
    assert.deepEqual(jobs, ['rekey-idp', 'rekey-bff', 'rekey-api'])
  })

  it('asks the chosen source in every panel, and no panel lies on another one', () => {
    const taken = new Set<string>()
    for (const { type, datasource, title, gridPos } of panels()) {
      if (type !== 'row') assert.equal(datasource?.uid, `\${${'datasource'}}`, title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(x < 24 && !taken.has(`${x} ${y}`), title)
          taken.add(`${x} ${y}`)
        }
      }
    }
  })
})
