package main

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	"github.com/emmansun/gmsm/ecdh"
	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

// Sizes of the bulk operations, in bytes.
var lengths = []int{1024, 16384}

// Every operation by the name under which the bench asks for it.
func operations() map[string]func() {
	all := map[string]func(){}
	signatures(all)
	encryption(all)
	exchange(all)
	for _, length := range lengths {
		bulk(all, length)
	}
	return all
}

func signatures(all map[string]func()) {
	key, err := sm2.GenerateKey(rand.Reader)
	must(err)
	message := filled(32)
	signature, err := key.Sign(rand.Reader, message, sm2.DefaultSM2SignerOpts)
	must(err)
	check(sm2.VerifyASN1WithSM2(&key.PublicKey, nil, message, signature), "sign")

	all["sm2-sign"] = func() {
		_, err := key.Sign(rand.Reader, message, sm2.DefaultSM2SignerOpts)
		must(err)
	}
	all["sm2-verify"] = func() {
		check(sm2.VerifyASN1WithSM2(&key.PublicKey, nil, message, signature), "verify")
	}
	all["sm2-generate"] = func() {
		_, err := sm2.GenerateKey(rand.Reader)
		must(err)
	}
}

func encryption(all map[string]func()) {
	key, err := sm2.GenerateKey(rand.Reader)
	must(err)
	plaintext := filled(32)
	ciphertext, err := sm2.Encrypt(rand.Reader, &key.PublicKey, plaintext, nil)
	must(err)

	all["sm2-encrypt"] = func() {
		_, err := sm2.Encrypt(rand.Reader, &key.PublicKey, plaintext, nil)
		must(err)
	}
	all["sm2-decrypt"] = func() {
		opened, err := sm2.Decrypt(key, ciphertext)
		must(err)
		check(bytes.Equal(opened, plaintext), "decrypt")
	}
}

// One side of a key exchange: an ephemeral key, the shared point, a key of 16 bytes.
func exchange(all map[string]func()) {
	curve := ecdh.P256()
	generate := func() *ecdh.PrivateKey {
		key, err := curve.GenerateKey(rand.Reader)
		must(err)
		return key
	}
	ours, theirs, theirEphemeral := generate(), generate(), generate()
	side := func(key, ephemeral *ecdh.PrivateKey, peer, peerEphemeral *ecdh.PublicKey, responds bool) []byte {
		point, err := key.SM2MQV(ephemeral, peer, peerEphemeral)
		must(err)
		id := []byte("1234567812345678")
		shared, err := point.SM2SharedKey(responds, 16, key.PublicKey(), peer, id, id)
		must(err)
		return shared
	}
	ephemeral := generate()
	mine := side(ours, ephemeral, theirs.PublicKey(), theirEphemeral.PublicKey(), false)
	yours := side(theirs, theirEphemeral, ours.PublicKey(), ephemeral.PublicKey(), true)
	check(bytes.Equal(mine, yours), "key exchange")

	all["sm2-exchange"] = func() {
		side(ours, generate(), theirs.PublicKey(), theirEphemeral.PublicKey(), false)
	}
}

func bulk(all map[string]func(), length int) {
	name := func(operation string) string { return fmt.Sprintf("%s-%d", operation, length) }
	data, out := filled(length), make([]byte, length, length+16)
	iv, nonce := filled(16), filled(12)
	block, err := sm4.NewCipher(filled(16))
	must(err)
	gcm, err := cipher.NewGCM(block)
	must(err)

	decrypted := make([]byte, length)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, data)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(decrypted, out)
	check(bytes.Equal(decrypted, data), "CBC")
	opened, err := gcm.Open(nil, nonce, gcm.Seal(nil, nonce, data, nil), nil)
	must(err)
	check(bytes.Equal(opened, data), "GCM")

	all[name("sm3")] = func() { sm3.Sum(data) }
	all[name("sm4-ctr")] = func() { cipher.NewCTR(block, iv).XORKeyStream(out, data) }
	all[name("sm4-cbc-encrypt")] = func() { cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, data) }
	all[name("sm4-cbc-decrypt")] = func() { cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data) }
	all[name("sm4-gcm-seal")] = func() { gcm.Seal(out[:0], nonce, data, nil) }
}

func filled(length int) []byte {
	out := make([]byte, length)
	for i := range out {
		out[i] = byte(i*7 + 1)
	}
	return out
}
