//! `cipher` 0.5 on SM4: the block, for modes that others wrote. The modes of [`crate::sm4`] are faster than any mode over these.

use core::fmt;

use cipher::common::{BlockSizeUser, KeySizeUser, ParBlocksSizeUser};
use cipher::consts::{U1, U16};
use cipher::inout::InOut;
use cipher::{
    AlgorithmName, Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt,
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, KeyInit,
};

use crate::sm4::Key;

impl KeySizeUser for Key {
    type KeySize = U16;
}

impl KeyInit for Key {
    fn new(key: &cipher::Key<Self>) -> Self {
        Self::new(key.as_ref())
    }
}

impl BlockSizeUser for Key {
    type BlockSize = U16;
}

impl ParBlocksSizeUser for Key {
    type ParBlocksSize = U1;
}

impl BlockCipherEncBackend for Key {
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let mut bytes = block.clone_in().into();
        Self::encrypt_block(self, &mut bytes);
        *block.get_out() = bytes.into();
    }
}

impl BlockCipherEncrypt for Key {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = Self::BlockSize>) {
        f.call(self);
    }
}

impl BlockCipherDecBackend for Key {
    fn decrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let mut bytes = block.clone_in().into();
        Self::decrypt_block(self, &mut bytes);
        *block.get_out() = bytes.into();
    }
}

impl BlockCipherDecrypt for Key {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = Self::BlockSize>) {
        f.call(self);
    }
}

impl AlgorithmName for Key {
    fn write_alg_name(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sm4")
    }
}
