import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type VerifyJwtOptions, verifyJwt } from '../../src/index.ts'
import { refused } from '../support/keys.ts'

const FEWEST = 394
const FOLDER = fileURLToPath(new URL('../../vectors/', import.meta.url))

type Piece = string | { readonly repeat: string; readonly times: number }

interface Vector {
  readonly name: string
  readonly why: string
  readonly token: string | readonly Piece[]
  readonly jwks: VerifyJwtOptions['jwks']
  readonly options: Omit<VerifyJwtOptions, 'jwks'>
  readonly expected: string
}

const tokenOf = ({ token }: Vector): string =>
  [token]
    .flat()
    .map((piece) => (typeof piece === 'string' ? piece : piece.repeat.repeat(piece.times)))
    .join('')

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'))
const vectors = files.sort().map((file) => ({
  file: file.replaceAll('\\', '/'),
  vector: JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')) as Vector,
}))

describe('every test vector', () => {
  it('is there', () => assert.ok(vectors.length >= FEWEST, `only ${vectors.length} vectors were found`))

  for (const { file, vector } of vectors) {
    it(`gives its code: ${file.replace(/\.json$/, '')}`, () => {
      const verify = () => verifyJwt(tokenOf(vector), { ...vector.options, jwks: vector.jwks })
      if (vector.expected === 'ok') assert.ok(verify().payload.exp)
      else assert.throws(verify, refused(vector.expected))
      assert.equal(`${vector.name}.json`, file)
      assert.ok(vector.why)
    })
  }
})
