"""Codes that differ in what is wrong and not in what to do about it, each with what is wrong in Chinese and English.

Keystores, the database, stored data, documents: `error_codes.py` makes a row of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# fmt: off
UNKNOWN_HERE: Final[Mapping[str, tuple[str, str]]] = {
    "unknown_account": ("密钥库中没有该账户。", "The keystore holds no such account."),
    "unknown_log_key": ("密钥库中没有该日志密钥。", "The keystore holds no such log key."),
    "batch_unknown": ("没有该编号的批次。", "No batch has this id."),
    "change_unknown": ("没有该编号的状态变更。", "No change of state has this id."),
    "submission_unknown": ("没有该编号的提交。", "No submission has this id."),
}
"""What this instance does not hold."""
MOVED_ON: Final[Mapping[str, tuple[str, str]]] = {
    "batch_stands": ("该批次不能再解散。", "The batch can no longer be dissolved."),
    "submission_live": ("该提交已成最终、已放弃或正在途中。", "The submission is final, abandoned or under way."),
    "record_moved": ("待编入批次的记录已被处理。", "A record to be placed is not pending any more."),
    "constraint": ("该变更违反数据库的约束，未保存。", "The change breaks a rule of the database; it was not stored."),
}
"""What was done already, or is being done, by another."""
NOT_YET: Final[Mapping[str, tuple[str, str]]] = {
    "not_final": ("合约所在的区块尚未成为最终。", "The contracts' blocks are not final yet."),
    "not_mined": ("交易在限时内未进入区块，仍可能被打包。", "The transaction is in no block yet but may still be mined."),
}
"""What the chain has not done yet."""
NOT_OVERWRITTEN: Final[Mapping[str, tuple[str, str]]] = {
    "keystore_exists": ("密钥库已存在，未作任何改动。", "The keystore exists already; nothing was changed."),
    "key_exists": ("同名密钥已存在，未作任何改动。", "A key of this name exists already; nothing was changed."),
}
"""What exists and is never overwritten."""
DAMAGED_DATA: Final[Mapping[str, tuple[str, str]]] = {
    "damaged_deployment": ("部署文件已损坏。", "The deployment file is damaged."),
    "damaged_key": ("密钥文件已损坏。", "A key's file is damaged."),
    "database_damaged": ("数据库已损坏。", "The database is damaged."),
    "record_altered": ("存储的记录已被改动。", "A stored record was altered."),
    "entry_altered": ("存储的日志与上链时不同。", "The stored log is not the one that was anchored."),
    "entry_missing": ("存储的日志缺少已上链的条目。", "The stored log lacks an entry that was anchored."),
    "head_altered": ("存储的批次与链上的日志头不同。", "The chain holds another log head than the stored batch."),
    "tile_missing": ("存储的日志瓦片不全。", "A stored tile of the log is incomplete."),
    "tile_rewritten": ("存储的日志瓦片将被改写，已拒绝。", "A stored tile would be rewritten; it was refused."),
}
"""Stored data that contradict the chain, each other or their own form."""
DOCUMENT_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "malformed": ("文件结构有误。", "The structure of the file is wrong."),
    "not_der": ("内容不是规范的 DER 编码。", "The content is not encoded as DER."),
    "too_large": ("内容超过可处理的大小或数量。", "The content has more bytes or elements than are read."),
    "too_complex": ("结构嵌套过深或过于复杂。", "The structure is nested too deep or too complex."),
    "irregular": ("文件的写法不合规范，各程序的解读可能不同。", "Programs may read this file differently."),
    "two_kinds": ("文件可被当作两种格式打开。", "The file can be opened as two formats."),
    "unknown_form": ("不支持该格式。", "The format is not supported."),
    "unknown_version": ("不支持该版本的格式。", "This version of the format is not supported."),
    "encrypted": ("文件已加密，无法读取。", "The file is encrypted."),
    "byte_range": ("签名覆盖的范围超出文件。", "The range that a signature covers leads out of the file."),
    "no_value": ("缺少签名值。", "The value of a signature is missing."),
    "missing_file": ("文件包缺少签章所指的文件。", "The package lacks a file that a signature names."),
    "several_signers": ("一个签名中有多个签名者。", "One signature has several signers."),
    "too_many_signatures": ("签名过多。", "There are too many signatures."),
    "duplicate_signature": ("同一签名被列出两次。", "A signature is listed twice."),
    "signature_removed": ("签名列表与文件包的内容不符。", "The list of signatures does not fit the package."),
    "no_answer": ("OCSP 服务没有给出答复。", "The OCSP responder gave no answer."),
    "not_ofd": ("文件不是 OFD。", "The file is no OFD."),
    "not_zip": ("文件包不是 ZIP。", "The package is no ZIP archive."),
    "zip64": ("文件包的 ZIP64 结构有误。", "The ZIP64 structure of the package is wrong."),
    "zip_bomb": ("文件包解压后过大。", "The package grows too large when unpacked."),
    "split_archive": ("文件包是分卷的。", "The package is split into volumes."),
    "bad_name": ("文件包中的文件名不可用。", "A name in the package cannot be used."),
    "path_escapes": ("文件包中的路径指向包外。", "A path in the package leads out of it."),
    "duplicate_entry": ("文件包中有同名文件。", "Two files of the package have one name."),
    "too_many_entries": ("文件包中的文件过多。", "The package has too many files."),
    "entries_overlap": ("文件包中的文件相互重叠。", "Files of the package overlap."),
    "headers_disagree": ("文件包的目录与内容不一致。", "The directory of the package does not fit its contents."),
    "hidden_data": ("文件包中有目录未列出的数据。", "The package holds data that its directory does not list."),
    "data_appended": ("文件包之后附有其他数据。", "Data are appended to the package."),
    "size_differs": ("文件包中的文件大小与所写不同。", "A file of the package has another size than stated."),
    "checksum_differs": ("文件包中的文件校验和不符。", "A file of the package has another checksum than stated."),
    "encrypted_entry": ("文件包中有加密的文件。", "A file of the package is encrypted."),
    "unknown_compression": ("文件包使用了不支持的压缩方式。", "The way of compression is not supported."),
    "bad_xml": ("文件包中的 XML 有误。", "An XML file of the package is wrong."),
    "xml_entity": ("文件包中的 XML 含有实体声明，已拒绝。", "An XML file declares entities; it was refused."),
}
"""What is wrong with a document, seal or certificate; in a verdict it is the reason of `unreadable`."""
# fmt: on
