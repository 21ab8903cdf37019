import type { IncidentEvidence } from '../document.ts'
import { code, paragraph, type Section } from './text.ts'

/** How to tell that this is what was sealed. What a file says of its own signer proves nothing: that is said first. */
export function verifySection({ sealedAt }: Pick<IncidentEvidence, 'sealedAt'>, signer: string): Section {
  return {
    title: 'How to verify this file',
    blocks: [
      paragraph([
        'This report is one of the files of an archive that was sealed at ',
        sealedAt,
        ' by the evidence key with the fingerprint below. Compare it with the one that you wrote down when the estate was set up ',
        '(rekey evidence key prints it): a forged archive would name the forger’s.',
      ]),
      paragraph(code(signer)),
      paragraph('On any machine, without the estate and without a network:'),
      { kind: 'commands', lines: [`rekey evidence verify FILE --signer ${signer}`] },
      paragraph(
        'It checks the signature, every byte of the archive, that this report says what evidence.json says, that the proofs of the audit ' +
          'hold, and that what is claimed follows from what was recorded. A release that writes reports otherwise says so, and that it ' +
          'did not compare them: rekey evidence show then makes one anew. Other software can check the signature too: manifest.jws is ' +
          'a detached JWS (RFC 7515, appendix F) over manifest.json, which has the SHA-256 of every other file.',
      ),
    ],
  }
}
