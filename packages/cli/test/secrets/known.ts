/** Secrets that a test knows, and whether they stand in a text, in whichever form. */
import { createPrivateKey } from 'node:crypto'
import { connect, HeldRootKeys, sealerFor } from '@rekey/database'

/** Shorter ones would be found anywhere. */
const shortest = 12

export class Known {
  readonly #forms = new Map<string, string>()

  has(name: string): boolean {
    return [...this.#forms.values()].includes(name)
  }

  add(name: string, ...values: (string | undefined)[]): void {
    for (const value of values) {
      if (value === undefined || value.length < shortest) continue
      for (const form of formsOf(value)) this.#forms.set(form, name)
    }
  }

  /** A token: as a whole, and its signature, which is the part that must not be known. */
  addToken(name: string, ...tokens: (string | undefined)[]): void {
    this.add(name, ...tokens)
    this.add(`the signature of ${name}`, ...tokens.map((token) => /^[\w-]+\.[\w-]+\.([\w-]+)$/.exec(token ?? '')?.[1]))
  }

  /** A private key, line by line: a log may break it. */
  addKey(name: string, pem: string): void {
    const key = createPrivateKey(pem)
    const { d, p } = key.export({ format: 'jwk' })
    this.add(name, d, p, ...pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----')))
  }

  /** The names of those that a text has in it. */
  in(text: string): string[] {
    return [...new Set([...this.#forms].filter(([form]) => text.includes(form)).map(([, name]) => name))]
  }
}

function formsOf(value: string): string[] {
  const bytes = [Buffer.from(value), ...(/^([0-9a-f]{2})+$/i.test(value) ? [Buffer.from(value, 'hex')] : [])]
  const encoded = bytes.flatMap((one) => [one.toString('hex'), one.toString('hex').toUpperCase(), ...base64Of(one)])
  return [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), ...encoded].filter(
    ({ length }) => length >= shortest,
  )
}

/** Wherever it begins in a longer text that is encoded, as a secret in a Basic header does. */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // What the bytes around it share with it.
    const own = text.slice(shift === 0 ? 0 : shift + 1, -1)
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

interface Sealed {
  record: string
  sealed: string
}

/** What a service keeps sealed in its database: the secrets of its keyrings, and the tokens of its sessions. */
export async function addSealed(known: Known, databaseUrl: string, rootKeyFile: string): Promise<void> {
  const sealer = sealerFor(await HeldRootKeys.open(`file:${rootKeyFile}`, {}))
  const { pool, close } = connect(databaseUrl)
  try {
    const { rows: versions } = await pool.query<Sealed>(`
      SELECT 'keyrings/' || name || '/' || (version ->> 'id') AS record, version ->> 'sealedPrivate' AS sealed
      FROM keyrings, jsonb_array_elements(document -> 'versions') AS version WHERE version ? 'sealedPrivate'`)
    for (const { record, sealed } of versions) addSecret(known, record, sealer.open(record, sealed))
    const { rows: tables } = await pool.query(`SELECT to_regclass('sessions') AS found`)
    if (!tables[0]?.found) return
    const { rows: sessions } = await pool.query<Sealed>(
      `SELECT 'sessions/' || session_id AS record, sealed_tokens AS sealed FROM sessions`,
    )
    for (const { record, sealed } of sessions) {
      const { accessToken, refreshToken, idToken } = JSON.parse(sealer.open(record, sealed).toString())
      known.addToken('an access token', accessToken)
      known.addToken('a refresh token', refreshToken)
      known.addToken('an ID token', idToken)
    }
  } finally {
    await close()
  }
}

function addSecret(known: Known, record: string, secret: Buffer): void {
  if (!record.startsWith('keyrings/signing')) known.add(record, secret.toString())
  else {
    const key = createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' })
    known.addKey(record, key.export({ format: 'pem', type: 'pkcs8' }) as string)
  }
}
