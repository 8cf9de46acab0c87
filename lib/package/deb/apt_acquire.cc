/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A partial file is asked to go on only if the server's is still the one it is the beginning of
 * (If-Range): http compares the date that the partial file has on disk.  apt sets that date when a
 * transfer ends, however it ends, but for kill -9; so the caller is told the date when a transfer
 * begins, and sets it again.
 */
#include "package/deb/apt_acquire.h"
#include "package/deb/apt_private.hh"

#include <apt-pkg/acquire-item.h>
#include <apt-pkg/acquire.h>
#include <apt-pkg/configuration.h>
#include <apt-pkg/error.h>
#include <apt-pkg/init.h>
#include <apt-pkg/strutl.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>

namespace apt
{

namespace
{

/* libapt-pkg forks its methods, and knows no way to have them end with us. */
void die_with_parent()
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

void configure_acquire(const struct apt_acquire_job &job)
{
	static bool done;

	if (done)
		return;
	unsetenv("APT_CONFIG");
	_config->Set("Dir", job.root);
	_config->Set("APT::Architecture", "all");
	if (!pkgInitConfig(*_config))
		throw Failure(ERROR_HOST, apt_error("apt cannot be set up"));
	_config->Set("APT::Architectures::", "all");
	_config->Set("APT::Sandbox::User", "");
	_config->Set("Acquire::Languages", "none");
	_config->Set("Acquire::Retries", "3");
	_config->Set("Acquire::Retries::Delay", "false");
	_config->Set("Acquire::http::Timeout", "30");
	_config->Set("Acquire::https::Timeout", "30");
	if (job.proxy) {
		_config->Set("Acquire::http::Proxy", job.proxy);
		_config->Set("Acquire::https::Proxy", job.proxy);
	}
	pthread_atfork(nullptr, nullptr, die_with_parent);
	done = true;
}

HashStringList hashes_of(const struct apt_transfer &transfer)
{
	HashStringList list;

	if (transfer.sha256)
		list.push_back(HashString("SHA256", transfer.sha256));
	return list;
}

class Transfer : public pkgAcqFile
{
	const struct apt_acquire_job &job;
	size_t number;
	string reason; /* apt's own word for the last failure */

	struct apt_transfer &mine() const
	{
		return job.transfers[number];
	}

      public:
	Transfer(pkgAcquire *owner, const struct apt_acquire_job &j, size_t n)
	    : pkgAcqFile(owner, j.transfers[n].uri, hashes_of(j.transfers[n]), j.transfers[n].size,
			 j.transfers[n].uri, j.transfers[n].uri, "", j.transfers[n].path),
	      job(j), number(n)
	{
	}

	/* As apt has it for files of unknown size: methods stop there. */
	string Custom600Headers() const override
	{
		string headers = pkgAcqFile::Custom600Headers();

		if (!mine().size)
			headers += "\nMaximum-Size: " + std::to_string(mine().limit);
		return headers;
	}

	void Start(const string &message, unsigned long long const size) override
	{
		time_t modified = 0;

		pkgAcqFile::Start(message, size);
		if (!RFC1123StrToTime(LookupTag(message, "Last-Modified"), modified))
			modified = 0;
		job.started(job.opaque, number, modified);
	}

	void Done(const string &message, const HashStringList &hashes,
		  pkgAcquire::MethodConfig const *const config) override
	{
		pkgAcqFile::Done(message, hashes, config);
		if (!Complete)
			return;
		if (job.arrived(job.opaque, number, &mine().error) < 0)
			mine().state = APT_TRANSFER_FAILED;
		else
			mine().state = APT_TRANSFER_DONE;
	}

	void Failed(const string &message, pkgAcquire::MethodConfig const *const config) override
	{
		reason = LookupTag(message, "FailReason");
		pkgAcqFile::Failed(message, config);
	}

	/* Once apt has given it up. */
	void conclude() const
	{
		if (mine().state != APT_TRANSFER_WAITING || Status == StatIdle ||
		    Status == StatFetching || Status == StatDone)
			return;
		mine().state = is_absent() ? APT_TRANSFER_ABSENT : APT_TRANSFER_FAILED;
		error_set(&mine().error, kind(), "%s: %s", mine().uri, words().c_str());
	}

      private:
	bool is_absent() const
	{
		return reason == "HttpError404" || reason == "HttpError410";
	}

	enum error_kind kind() const
	{
		if (ErrorText.find(strerror(ENOSPC)) != string::npos)
			return ERROR_SPACE;
		if (Status == StatAuthError || reason == "HashSumMismatch" ||
		    reason == "MaximumSizeExceeded")
			return ERROR_TRUST;
		return ERROR_MIRROR;
	}

	/* apt's text goes on for lines. */
	string words() const
	{
		if (reason == "MaximumSizeExceeded" && !mine().size)
			return "longer than " + std::to_string(mine().limit) + " bytes";
		if (kind() == ERROR_TRUST)
			return "it is not the file that the signed index names: damaged, tampered "
			       "with, or caught in the middle of an update";
		return ErrorText.empty() ? "no reason given"
					 : ErrorText.substr(0, ErrorText.find('\n'));
	}
};

class Status : public pkgAcquireStatus
{
	const struct apt_acquire_job &job;
	string current;

      public:
	explicit Status(const struct apt_acquire_job &j) : job(j)
	{
	}

	bool MediaChange(string, string) override
	{
		return false;
	}

	void Fetch(pkgAcquire::ItemDesc &item) override
	{
		current = item.ShortDesc.substr(item.ShortDesc.find_last_of('/') + 1);
	}

	bool Pulse(pkgAcquire *owner) override
	{
		struct error ignored;

		pkgAcquireStatus::Pulse(owner);
		monitor_progress(job.monitor, "fetch", current.c_str(), CurrentBytes, TotalBytes);
		return monitor_check(job.monitor, &ignored) == 0;
	}
};

void acquire(const struct apt_acquire_job &job)
{
	enum { PULSE_US = 200000 };
	Status status(job);
	pkgAcquire fetcher(&status);
	std::vector<std::unique_ptr<Transfer>> transfers;
	struct error stopped = {};

	for (size_t i = 0; i < job.n_transfers; i++)
		transfers.push_back(std::make_unique<Transfer>(&fetcher, job, i));
	fetcher.Run(PULSE_US);
	for (const auto &transfer : transfers)
		transfer->conclude();
	transfers.clear();
	if (monitor_check(job.monitor, &stopped) < 0)
		throw Failure(stopped.kind, stopped.msg);
	_error->Discard();
}

} // namespace

} // namespace apt

extern "C" int apt_acquire(const struct apt_acquire_job *job, struct error *err) noexcept
try {
	apt::configure_acquire(*job);
	apt::acquire(*job);
	return 0;
} catch (const apt::Failure &failure) {
	return error_set(err, failure.kind, "%s", failure.what());
} catch (const std::exception &problem) {
	return error_set(err, ERROR_BUG, "libapt-pkg: %s", problem.what());
} catch (...) {
	return error_set(err, ERROR_BUG, "libapt-pkg: unknown exception");
}
