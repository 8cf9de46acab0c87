// SPDX-License-Identifier: GPL-2.0-or-later
// verify.js BUNDLE PUBLIC-KEY: a record by Sigstore's own code; exit status 0 when it verifies, else 1 and why.
const fs = require('fs');
const crypto = require('crypto');
const {bundleFromJSON} = require('@sigstore/bundle');
const {Verifier, toSignedEntity} = require('@sigstore/verify');

const [bundlePath, keyPath] = process.argv.slice(2);
const key = crypto.createPublicKey(fs.readFileSync(keyPath));
const id = crypto.createHash('sha256').update(key.export({type: 'spki', format: 'der'})).digest('hex');

function publicKey(hint) {
	if (hint !== id)
		throw new Error('unknown key ' + hint);
	return {publicKey: key, validFor: () => true};
}

try {
	const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(bundlePath)));
	const trust = {certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [], publicKey};
	const thresholds = {tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0};

	new Verifier(trust, thresholds).verify(toSignedEntity(bundle));
	console.log('verified');
} catch (problem) {
	console.log('rejected: ' + problem.message);
	process.exit(1);
}
