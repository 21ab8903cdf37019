import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { grid } from '../../src/report/grid.ts'

describe('a grid', () => {
  it('puts figures below each other by their last digit', () => {
    assert.deepEqual(
      grid(
        [
          ['', 'n'],
          ['a', '10'],
          ['bbb', '7'],
        ],
        'figures',
      ),
      ['        n', '  a    10', '  bbb   7'],
    )
  })

  it('puts words below each other by their first letter, without blanks at the end', () => {
    assert.deepEqual(
      grid(
        [
          ['a', 'x', ''],
          ['bbb', 'yy', 'z'],
        ],
        'text',
      ),
      ['  a    x', '  bbb  yy  z'],
    )
  })
})
