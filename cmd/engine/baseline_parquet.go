package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	// parquetPagesBytesMax bounds what the largest pages of all columns take together when they are unpacked: a page of each is in memory at a time. Programs that write
	// Parquet make pages of a megabyte, or of a hundred at most.
	parquetPagesBytesMax = 1 << 30
	// parquetValueBytes is about what a value takes beside its bytes: of a constant column there are many in a page of a few bytes.
	parquetValueBytes = 8
)

// parquetFits refuses a file whose pages would take more memory than they may, before any of them is unpacked: a file of a few kilobytes may hold gigabytes.
func parquetFits(in io.ReaderAt, file *parquet.File) error {
	groups := file.Metadata().RowGroups
	for i := range groups {
		sum := int64(0)
		for j := range groups[i].Columns {
			c := &groups[i].Columns[j].MetaData
			most, err := largestPages(in, c)
			if err != nil {
				return fmt.Errorf("it is damaged, or no Parquet: the pages of column %s: %w", strings.Join(c.PathInSchema, "."), err)
			}
			if sum += most; sum > parquetPagesBytesMax {
				return fmt.Errorf("row group %d: its pages take more than %d bytes when they are unpacked: write it with smaller pages, or as CSV", i+1, parquetPagesBytesMax)
			}
		}
	}
	return nil
}

// largestPages is what a column's dictionary and its largest other page take when they are unpacked. It reads the headers of the pages, and passes over what is in them.
func largestPages(in io.ReaderAt, c *format.ColumnMetaData) (int64, error) {
	at := c.DataPageOffset
	if c.DictionaryPageOffset != 0 {
		at = min(at, c.DictionaryPageOffset)
	}
	end := at + c.TotalCompressedSize
	var dictionary, largest int64
	var compact thrift.CompactProtocol
	for values := int64(0); at < end && values < c.NumValues; {
		section := io.NewSectionReader(in, at, end-at)
		buffered := bufio.NewReader(section)
		var h format.PageHeader
		if err := thrift.NewDecoder(compact.NewReader(buffered)).Decode(&h); err != nil {
			return 0, fmt.Errorf("a header: %w", err)
		}
		if h.UncompressedPageSize < 0 || h.CompressedPageSize < 0 {
			return 0, errors.New("a page of less than nothing")
		}
		n := int64(0)
		if h.DataPageHeader.Valid {
			n = int64(h.DataPageHeader.V.NumValues)
		}
		if h.DataPageHeaderV2.Valid {
			n = int64(h.DataPageHeaderV2.V.NumValues)
		}
		if size := int64(h.UncompressedPageSize) + n*parquetValueBytes; h.Type == format.DictionaryPage {
			dictionary = max(dictionary, size+int64(h.DictionaryPageHeader.V.NumValues)*parquetValueBytes)
		} else {
			largest = max(largest, size)
		}
		read, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0, err
		}
		values += max(n, 0)
		at += read - int64(buffered.Buffered()) + int64(h.CompressedPageSize)
	}
	return dictionary + largest, nil
}
