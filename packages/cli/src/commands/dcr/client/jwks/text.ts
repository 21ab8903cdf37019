import type { KeySet } from '../../../../client/registration/keys.ts'
import { print, type Shell } from '../../../../shell.ts'
import { table } from '../../../../terminal/table.ts'

/** Prints public keys, a line each; with `--json` as the set that `replace` takes. */
export function printKeys(shell: Shell, asJson: boolean, set: KeySet): void {
  const rows = set.keys.map((key) => ['kid', 'kty', 'alg'].map((name) => String(key[name] ?? '')))
  const text = rows.length === 0 ? 'It has no key.' : table(['KID', 'TYPE', 'ALGORITHM'], rows)
  print(shell, asJson, { json: set, text })
}
