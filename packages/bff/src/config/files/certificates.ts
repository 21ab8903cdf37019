import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The text of a file of certificates (PEM); nothing where none is named, or after what is wrong with it was told. */
export function certificatesIn(file: string | undefined, refuse: (message: string) => void): string | undefined {
  if (file === undefined) return undefined
  try {
    const text = readFileSync(file, 'utf8')
    if (isCertificate(text)) return text
    refuse('expected certificates as PEM')
  } catch (error) {
    refuse(`cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  return undefined
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).fingerprint256 !== ''
  } catch {
    return false
  }
}
