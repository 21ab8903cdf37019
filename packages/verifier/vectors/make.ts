import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ALGORITHM } from './make/algorithm.ts'
import { CLAIMS } from './make/claims.ts'
import { ENCODING } from './make/encoding.ts'
import { GOOD } from './make/good.ts'
import { HEADER } from './make/header.ts'
import { JSON_TEXT } from './make/json.ts'
import { KEY } from './make/key.ts'
import { SIGNATURE } from './make/signature.ts'
import { OPTIONS, trusted, type Vector } from './make/vector.ts'

/**
 * Writes the vectors that are not there yet. The private keys live as long as this process: a vector that is to be made
 * anew is deleted first, and those that are kept do not change.
 */
const FOLDERS: Readonly<Record<string, readonly Vector[]>> = {
  algorithm: ALGORITHM,
  claims: CLAIMS,
  encoding: ENCODING,
  good: GOOD,
  header: HEADER,
  json: JSON_TEXT,
  key: KEY,
  signature: SIGNATURE,
}

type Piece = string | { readonly repeat: string; readonly times: number }

/** Long repetitions as `{ repeat, times }`, so that giant tokens make small files. */
function compacted(token: string): string | Piece[] {
  const pieces: Piece[] = []
  let from = 0
  for (const { 0: run, 1: repeat = '', index } of token.matchAll(/(.{1,8}?)\1{255,}/gs)) {
    pieces.push(token.slice(from, index), { repeat, times: run.length / repeat.length })
    from = index + run.length
  }
  return from === 0 ? token : [...pieces, token.slice(from)].filter((piece) => piece !== '')
}

function write(folder: string, { name, why, token, keys = [trusted.jwk], options, expected }: Vector): boolean {
  const file = fileURLToPath(new URL(`${folder}/${name}.json`, import.meta.url))
  if (existsSync(file)) return false
  const content = {
    name: `${folder}/${name}`,
    why,
    token: compacted(token),
    jwks: { keys },
    options: { ...OPTIONS, ...options },
    expected,
  }
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
  return true
}

for (const [folder, vectors] of Object.entries(FOLDERS)) {
  mkdirSync(new URL(folder, import.meta.url), { recursive: true })
  const written = vectors.filter((vector) => write(folder, vector))
  console.log(`${folder}: ${written.length} of ${vectors.length} written`)
}
