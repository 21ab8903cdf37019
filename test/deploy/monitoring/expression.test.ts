import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { selectorsOf, toldIn } from './expression.ts'

const metricsOf = (expr: string) => selectorsOf(expr).map(({ metric }) => metric)

describe('the metrics of an expression', () => {
  const expected: [string, string[]][] = [
    ['up == 0', ['up']],
    ['max by (job, keyring) (a_seconds) > 2 * 86400', ['a_seconds']],
    ['sum(rate(a_total{code=~"x|y{z}"}[5m])) / sum without (i) (rate(b_total[5m]))', ['a_total', 'b_total']],
    ['a < Inf and on (x) b unless c or job:d:rate5m', ['a', 'b', 'c', 'job:d:rate5m']],
    ['absent(a{job="rekey"}) or vector(1)', ['a']],
    ['a * on (x) group_left (y) b offset 5m', ['a', 'b']],
    ['a > 1e3', ['a']],
  ]
  for (const [expr, metrics] of expected) it(`are found in ${expr}`, () => assert.deepEqual(metricsOf(expr), metrics))

  it('come with the labels that they are chosen by', () => {
    assert.deepEqual(selectorsOf('a{x="1",y!~"b=c"}'), [{ metric: 'a', labels: ['x', 'y'] }])
  })
})

describe('what is told', () => {
  it('is read with its labels, and without those that stand in values', () => {
    const told = toldIn('# TYPE a gauge\na{x="y=\\"1"} 1\n# TYPE b counter\nb 2\n# TYPE c gauge\n')
    assert.deepEqual(Object.fromEntries([...told].map(([name, labels]) => [name, [...labels]])), {
      a: ['x'],
      b: [],
      c: [],
    })
  })
})
